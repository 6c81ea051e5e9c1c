// Builds a datanet that every clone starts with (scripts/seed-datanet.ts says which): documents tokenised, indexed and described, in
// one folder named by its digest. Not its registration: devnet/ imports the contributions.
// Invariants: same package and tokeniser, same bytes, same digest; the folder appears whole or not at all; a second call reads
// two small files. Needs no network when the package is already there.
// Source: architecture.md "Seed data"; file format: infini-gram version 4 (src/attribution/index).
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Address, Secp256k1 } from 'ox'
import { boundarySets } from '../src/attribution/boundaries.ts'
import { contributionRoot, contributionsHead, type DocumentFacts, nameHash } from '../src/attribution/contributions.ts'
import { buildFiles } from '../src/attribution/index/build.ts'
import { boundaryDigest, tokenizerDigest } from '../src/attribution/parameters.ts'
import type { DocumentEntry, Hex } from '../src/attribution/types.ts'
import { keccak, toHex, utf8, ZERO_HASH } from '../src/attribution/words.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'

/** A text of a seed package, with what is declared of it. Documents of one author stand together. */
export interface SeedDocument extends DocumentFacts {
  /** As it is indexed: NFC, no control characters but line feeds. */
  text: string
}

/** Where a seeded datanet comes from. */
export interface SeedSource {
  /** The id it has on a fresh chain. */
  id: number
  /** Name of its file in the cache. */
  slug: string
  package: { name: string; version: string }
  about: { name: string; description: string; licence: string; samples: string[] }
  /** Raised whenever the files come out differently for the same package. */
  recipe: number
  read(tarball: string): Promise<SeedDocument[]>
}

interface SeedContribution {
  author: string
  /** Devnet account of the author; its key is {@link authorKey}. */
  account: Hex
  root: Hex
  documents: number
  tokens: number
  /** Licence's name; on chain its keccak256. */
  licence: string
}

export interface SeedManifest {
  version: 1
  name: string
  description: string
  licence: string
  /** Questions that fit it. */
  samples: string[]
  /** Bytes of a token in the index. */
  width: 2
  tokenizer: Hex
  boundaries: Hex
  documents: number
  tokens: number
  /** head_n when imported whole under the source's id, with the orders that follow those of the datanets before it. */
  head: Hex
  contributions: SeedContribution[]
  files: Record<string, { bytes: number; sha256: string }>
}

export interface SeededDatanet {
  /** sha256 of manifest.json, and the folder's name. */
  digest: string
  folder: string
  manifest: SeedManifest
  /** False when an earlier call's folder was taken. */
  built: boolean
}

export interface SeedOptions {
  /** Datanets of this machine; the folder is made inside. */
  cacheDir: string
  /** GGUF file of the backbone: its vocabulary is the index's tokeniser. */
  modelPath: string
  /** Path of a package's tarball; asked only when something must be built. */
  fetchPackage: (name: string, version: string) => string | Promise<string>
  report?: (line: string) => void
}

/** Devnet private key of an author: keccak256("open-chat/author/" ‖ name). Known to all, worth nothing elsewhere. */
const authorKey = (author: string): Hex => toHex(keccak(utf8(`open-chat/author/${author}`)))

export const authorAccount = (author: string): Hex =>
  Address.fromPublicKey(Secp256k1.getPublicKey({ privateKey: authorKey(author) }), { checksum: false })

/**
 * The datanet of `source` under `cacheDir`, built when it is not there.
 * @param before contributions of all datanets seeded before it: its orders begin after them
 * @throws seed_invalid, gguf_invalid
 */
export async function seedDatanet(source: SeedSource, before: number, options: SeedOptions): Promise<SeededDatanet> {
  const { slug, recipe, about } = source
  const pointer = join(options.cacheDir, `${slug}.json`)
  const { size } = await stat(options.modelPath)
  const inputs = `recipe ${recipe}, ${basename(options.modelPath)}, ${size} bytes${before === 0 ? '' : `, after ${before}`}`
  const known = await reuse(options.cacheDir, pointer, inputs)
  if (known !== null) return known

  const report = options.report ?? (() => {})
  report(`Indexing the datanet ${about.name} …`)
  const { files, manifest } = await build(source, before, options)
  const manifestBytes = utf8(`${JSON.stringify(manifest, null, 1)}\n`)
  const digest = sha256(manifestBytes)
  const folder = join(options.cacheDir, digest)
  const unfinished = join(options.cacheDir, `unfinished-${slug}-${process.pid}`)
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  for (const [name, bytes] of [...Object.entries(files), ['manifest.json', manifestBytes] as const]) {
    await writeFile(join(unfinished, name), bytes)
  }
  await rm(folder, { recursive: true, force: true })
  await rename(unfinished, folder)
  await writeFile(`${pointer}.new`, JSON.stringify({ inputs, digest }))
  await rename(`${pointer}.new`, pointer)
  report(`${about.name}: ${manifest.documents} documents, ${manifest.tokens} tokens, digest ${digest.slice(0, 12)}…`)
  return { digest, folder, manifest, built: true }
}

async function reuse(cacheDir: string, pointer: string, inputs: string): Promise<SeededDatanet | null> {
  try {
    const known = JSON.parse(await readFile(pointer, 'utf8')) as { inputs: string; digest: string }
    const folder = join(cacheDir, known.digest)
    const bytes = await readFile(join(folder, 'manifest.json'))
    if (known.inputs !== inputs || sha256(bytes) !== known.digest) return null
    const manifest = JSON.parse(bytes.toString()) as SeedManifest
    for (const [name, file] of Object.entries(manifest.files)) {
      if ((await stat(join(folder, name))).size !== file.bytes) return null
    }
    return { digest: known.digest, folder, manifest, built: false }
  } catch (error) {
    // Absent or half-written: build. Anything else (no permission, a full disk) is for the person to know.
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

async function build(
  source: SeedSource,
  before: number,
  options: SeedOptions,
): Promise<{ files: Record<string, Uint8Array>; manifest: SeedManifest }> {
  const texts = await source.read(await options.fetchPackage(source.package.name, source.package.version))
  const vocabulary = await readVocabulary(options.modelPath)
  const documents = texts.map(({ text, ...facts }) => ({ tokens: Uint16Array.from(vocabulary.encode(text)), facts }))
  const authors = [...new Set(texts.map(({ author }) => author))]
  const byAuthor = new Map(authors.map((author) => [author, documents.filter(({ facts }) => facts.author === author)]))
  const contributions = [...byAuthor].map(
    ([author, own]): SeedContribution => ({
      author,
      account: authorAccount(author),
      root: contributionRoot(own),
      documents: own.length,
      tokens: own.reduce((sum, { tokens }) => sum + tokens.length, 0),
      licence: source.about.licence,
    }),
  )
  const place = new Map(authors.map((author, i) => [author, i]))
  const entries = documents.map(({ tokens, facts }, document): DocumentEntry => {
    const contribution = place.get(facts.author) as number
    const contributor = contributions[contribution].account
    const { author, licence, title, year } = facts
    const order = before + contribution + 1
    return { document, contribution, contributor, author, licence, title, year, order, tokens: tokens.length }
  })
  const index = buildFiles(documents.map(({ tokens }) => tokens))
  const files: Record<string, Uint8Array> = {
    'tokenized.0': index.tokenized,
    'table.0': index.table,
    'offset.0': index.offset,
    'unigram.0': index.unigram,
    'documents.json': utf8(`${JSON.stringify(entries, null, 1)}\n`),
  }
  const manifest: SeedManifest = {
    version: 1,
    ...source.about,
    width: 2,
    tokenizer: vocabulary.digest,
    boundaries: vocabulary.boundaries,
    documents: documents.length,
    tokens: contributions.reduce((sum, { tokens }) => sum + tokens, 0),
    head: contributionsHead(
      contributions.map(({ account, root, documents, tokens, licence }, i) => ({
        datanet: BigInt(source.id),
        index: i,
        author: account,
        root,
        documents,
        tokens,
        licence: nameHash(licence),
        daCommitmentHash: ZERO_HASH,
        order: before + i + 1,
      })),
    ),
    contributions,
    files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, { bytes: bytes.length, sha256: sha256(bytes) }])),
  }
  return { files, manifest }
}

async function readVocabulary(path: string) {
  const file = await open(path)
  try {
    const bytes = (await file.stat()).size
    const gguf = await readGguf({
      bytes,
      read: async (offset, length) => new Uint8Array((await file.read(new Uint8Array(length), 0, length, offset)).buffer),
    })
    const tokens = gguf.metadata.get('tokenizer.ggml.tokens') as string[]
    const merges = gguf.metadata.get('tokenizer.ggml.merges') as string[]
    const tokenizer = createTokenizer(gguf)
    const boundaries = boundaryDigest(boundarySets(tokens.map((_, id) => tokenizer.decode([id]))))
    return { encode: tokenizer.encode, digest: tokenizerDigest(tokens, merges), boundaries }
  } finally {
    await file.close()
  }
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
