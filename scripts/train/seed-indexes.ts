// The passages of the seeded datanets, read from their packages: for fitting and benches that need retrieval and no model. Not the
// datanets as they are served: texts come from the tarballs and not from tokens.
import { PassageIndex } from '../../src/attribution/retrieval/passage-index.ts'
import { SEEDS } from '../seed-datanet.ts'

interface Text {
  author: string
  title: string
  year: number | null
  text: string
}

export const indexOf = (texts: readonly Text[]): PassageIndex =>
  new PassageIndex(
    texts.map(({ author, title, year, text }, document) => ({
      document,
      text,
      entry: { document, contribution: 0, contributor: '0x0', author, title, year, licence: '', order: 0, tokens: 0 },
    })),
  )

/** @param folder holds the packages as `npm pack` names them. @throws seed_invalid */
export async function openSeedIndexes(folder: string): Promise<{ slug: string; index: PassageIndex }[]> {
  const out = []
  for (const {
    slug,
    read,
    package: { name, version },
  } of SEEDS) {
    const tarball = `${folder}/${name.replace(/^@/u, '').replaceAll('/', '-')}-${version}.tgz`
    out.push({ slug, index: indexOf(await read(tarball)) })
  }
  return out
}
