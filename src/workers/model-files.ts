// The files of a model that comes in several, dropped or served, as one source; and the copy of it into the store, where it lies
// as one GGUF file like any other. Not their meaning: gpu/formats/model-source.ts.
// Invariants: a copy goes on where an earlier one of the same files stopped; what is not a file of the model is never read.
import { OpenChatError } from '../errors.ts'
import { isFolderFile } from '../gpu/formats/hf-folder.ts'
import { modelSource } from '../gpu/formats/model-source.ts'
import { type NamedSource, splitNames } from '../gpu/formats/split-gguf.ts'
import type { ByteSource } from '../gpu/types.ts'
import type { BlobWriter } from '../storage/blob-writer.ts'
import { fileAddress, openServedFile, type ServedFile } from './served-file.ts'
import { blobSource } from './sources.ts'

/** @param name of the folder they came in, or null. @throws model_part_missing, model_parts_mixed … */
export function sourceOfFiles(files: readonly File[], name: string | null): Promise<ByteSource> {
  return modelSource(
    files.map((file) => ({ name: file.name, source: blobSource(file) })),
    name,
  )
}

export interface ServedModel {
  source: ByteSource
  /** What names these files in their present versions; null when a server does not say whether they changed. */
  version: string | null
  name: string
  close(): void
}

const [required, optional] = [
  ['config.json', 'tokenizer.json'],
  ['tokenizer_config.json', 'generation_config.json', 'chat_template.jinja'],
]
const [whole, index] = ['model.safetensors', 'model.safetensors.index.json']

/** The addresses of a model in several files that a typed one stands for; null when it is an address of one file. */
export function manyAddress(typed: string): { folder: string; parts: string[] | null } | null {
  const url = new URL(fileAddress(typed))
  const last = decodeURIComponent(url.pathname.split('/').at(-1) ?? '')
  const folder = (path: string) => {
    const at = new URL(url)
    at.pathname = path.replace(/\/?$/, '/')
    return at.href
  }
  const parts = splitNames(last)
  const parent = url.pathname.slice(0, url.pathname.lastIndexOf('/') + 1)
  if (parts !== null) return { folder: folder(parent), parts }
  if (isFolderFile(last)) return { folder: folder(parent), parts: null }
  if (url.hostname === 'huggingface.co') {
    const repository = /^\/([^/]+)\/([^/]+)(?:\/(?:tree|resolve)\/([^/]+))?\/?$/.exec(url.pathname)
    if (repository !== null) return { folder: folder(`/${repository[1]}/${repository[2]}/resolve/${repository[3] ?? 'main'}`), parts: null }
  }
  return last === '' && url.pathname !== '/' ? { folder: url.href, parts: null } : null
}

/** @throws download_failed, range_refused, model_part_missing, and what `modelSource` throws */
export async function openServedModel(address: { folder: string; parts: string[] | null }, signal: AbortSignal): Promise<ServedModel> {
  const opened: (ServedFile & { name: string })[] = []
  const open = async (name: string) => {
    const url = new URL(address.folder)
    url.pathname += encodeURIComponent(name)
    const file = { ...(await openServedFile(url.href, signal)), name }
    opened.push(file)
    // A server that ignores ranges is read from the front and kept: fit for a small file only.
    if (!file.ranged && /\.(safetensors|gguf)$/i.test(name)) {
      throw new OpenChatError('range_refused', `The server of ${name} sends whole files only; a model in several is read in ranges.`, {
        meta: { url: url.href },
        action: 'Download the files and add them from this machine.',
      })
    }
    return file
  }
  const openIfThere = (name: string) =>
    open(name).catch((error: unknown) => {
      if (signal.aborted) throw error
      return null
    })
  const close = () => {
    for (const file of opened) file.close()
  }
  try {
    if (address.parts !== null) for (const part of address.parts) await open(part)
    else {
      for (const name of required) await open(name)
      for (const name of optional) await openIfThere(name)
      const listed = await openIfThere(index)
      for (const shard of listed === null ? [whole] : await shardNames(listed.source)) await open(shard)
    }
    const name = decodeURIComponent(new URL(address.folder).pathname)
      .split('/')
      .filter((part) => part !== '' && !/^(resolve|main)$/.test(part))
      .at(-1)
    const files: NamedSource[] = opened
    const versions = opened.map(({ url, bytes, version }) => (version === null ? null : `${url} ${bytes} ${version}`))
    return {
      source: await modelSource(files, name ?? null),
      version: versions.includes(null) ? null : versions.join('\n'),
      name: address.parts?.[0].replace(/-00001-of-\d+\.gguf$/i, '') ?? name ?? 'model',
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

/** Names of shards, unjudged: `modelSource` reads the index again and refuses what is wrong with it. */
async function shardNames(source: ByteSource): Promise<string[]> {
  let text: unknown
  try {
    text = JSON.parse(new TextDecoder().decode(await source.read(0, Math.min(source.bytes, 1 << 26))))
  } catch {
    return []
  }
  const map = typeof text === 'object' && text !== null && 'weight_map' in text ? text.weight_map : null
  const names = typeof map === 'object' && map !== null ? Object.values(map) : []
  return [...new Set(names)]
    .filter((name): name is string => typeof name === 'string' && /^[\w.-]+\.safetensors$/.test(name))
    .slice(0, 1000)
}

/** Writes the source into the store; chunks that an earlier try left stay. @returns its bytes */
export async function copyIntoStore(
  source: ByteSource,
  writer: BlobWriter,
  signal: AbortSignal,
  onBytes: (bytes: number) => void,
): Promise<number> {
  const { chunkBytes } = writer
  for (let chunk = 0, at = 0; at < source.bytes; chunk++, at += chunkBytes) {
    if (signal.aborted) throw new OpenChatError('cancelled', 'Adding the model was cancelled.')
    const length = Math.min(chunkBytes, source.bytes - at)
    if (!writer.has(chunk)) await writer.write(chunk, await source.read(at, length))
    onBytes(at + length)
  }
  return source.bytes
}
