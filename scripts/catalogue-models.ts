// Completes the models of public/catalogue.json from their files: digests of the 4 MiB chunks, so that a download is judged as
// it arrives; architecture; and the bytes it takes on a GPU, so that the page can say whether it fits before it is fetched.
//   node scripts/run.mjs scripts/catalogue-models.ts [--check] [FOLDER]
// Invariants: a file is read only under the whole digest that the catalogue names; `--check` changes nothing and fails when
// the catalogue says otherwise.
import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { OpenChatError } from '../src/errors.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { type MemoryShape, memoryShape } from '../src/gpu/model/memory-plan.ts'
import type { ByteSource } from '../src/gpu/types.ts'
import { CHUNK_BYTES } from '../src/storage/blob-writer.ts'

const CATALOGUE = fileURLToPath(new URL('../public/catalogue.json', import.meta.url))
const STATE = process.env.OPEN_CHAT_STATE ?? fileURLToPath(new URL('../.open-chat', import.meta.url))
interface Entry {
  name: string
  sha256: string
  bytes: number
}

interface Completed extends Entry {
  architecture: string
  memory: MemoryShape
  chunks: string[]
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** @throws file_missing, digest_mismatch */
export async function completed(entry: Entry, folder: string): Promise<Completed> {
  const file = await readFile(join(folder, `${entry.sha256}.gguf`)).catch((cause: unknown) => {
    throw new OpenChatError('file_missing', `${entry.name} is not in ${folder}.`, { action: 'Run npm start once.', cause })
  })
  if (file.length !== entry.bytes || sha256(file) !== entry.sha256) {
    throw new OpenChatError('digest_mismatch', `The file of ${entry.name} in ${folder} is another one.`, {
      action: 'Delete it and run npm start.',
    })
  }
  const chunks = Array.from({ length: Math.ceil(file.length / CHUNK_BYTES) }, (_, i) =>
    sha256(file.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES)),
  )
  const source: ByteSource = { bytes: file.length, read: async (offset, length) => file.subarray(offset, offset + length) }
  const gguf = await readGguf(source)
  const memory = memoryShape(gguf)
  return { ...entry, architecture: String(gguf.metadata.get('general.architecture')), memory, chunks }
}

export async function main(args: string[]): Promise<number> {
  const [folder = join(STATE, 'models')] = args.filter((arg) => !arg.startsWith('--'))
  const catalogue = JSON.parse(await readFile(CATALOGUE, 'utf8')) as { models: Entry[] }
  const models: Completed[] = []
  for (const entry of catalogue.models) models.push(await completed(entry, resolve(folder)))
  const same = JSON.stringify(models) === JSON.stringify(catalogue.models)
  if (args.includes('--check')) {
    process.stdout.write(same ? 'The catalogue says what the files say.\n' : 'The catalogue says something else than the files.\n')
    return same ? 0 : 1
  }
  if (!same) await writeFile(CATALOGUE, `${JSON.stringify({ ...catalogue, models }, null, 2)}\n`)
  process.stdout.write(models.map(({ name, chunks }) => `${name}: ${chunks.length} chunks\n`).join(''))
  return 0
}
