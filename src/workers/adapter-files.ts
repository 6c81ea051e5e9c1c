// Finds the two files of a PEFT adapter among what was given: a folder, loose files, a zip, or an address. Not their meaning
// (gpu/formats/peft.ts). Invariants: nothing is unpacked but these two names, and never more than MOST bytes.
import { unzipSync } from 'fflate'
import { OpenChatError } from '../errors.ts'
import type { AdapterFiles } from '../gpu/types.ts'
import { fileAddress } from './served-file.ts'

const CONFIG = 'adapter_config.json'
const WEIGHTS = 'adapter_model.safetensors'
/** A rank of 128 over all modules of a model of 8 billion weights is 670 MB in f16. */
const MOST = 1 << 30
const CONFIG_MOST = 1 << 20

const nameOf = (path: string) => path.split('/').at(-1) ?? ''

function lacking(name: string, found: string[]): OpenChatError {
  const pickled = found.some((path) => /adapter_model\.(bin|pt)$/.test(path))
  return new OpenChatError(
    pickled ? 'adapter_unsupported' : 'adapter_invalid',
    pickled ? 'The adapter is stored as a Python pickle, which could run anything.' : `There is no ${name} among what was given.`,
    { meta: { found: found.slice(0, 8).join(', ') }, action: `Give ${CONFIG} and ${WEIGHTS}, or a zip with both.` },
  )
}

const tooLarge = (bytes: number) =>
  new OpenChatError('adapter_invalid', `The adapter says it has ${bytes} bytes; at most ${MOST} are read.`, {
    meta: { bytes, most: MOST },
    action: 'Choose a smaller adapter.',
  })

/** @throws adapter_invalid, adapter_unsupported */
export async function adapterOfFiles(files: readonly File[]): Promise<AdapterFiles> {
  const [only] = files
  if (files.length === 1 && only !== undefined && /\.zip$/i.test(only.name)) return adapterOfZip(new Uint8Array(await only.arrayBuffer()))
  const found = files.map(({ name }) => name)
  const config = files.find(({ name }) => nameOf(name) === CONFIG)
  const weights = files.find(({ name }) => nameOf(name) === WEIGHTS)
  if (config === undefined) throw lacking(CONFIG, found)
  if (weights === undefined) throw lacking(WEIGHTS, found)
  if (weights.size > MOST || config.size > CONFIG_MOST) throw tooLarge(weights.size)
  return { config: await config.text(), weights: new Uint8Array(await weights.arrayBuffer()) }
}

function adapterOfZip(zip: Uint8Array): AdapterFiles {
  const found: string[] = []
  let entries: Record<string, Uint8Array>
  try {
    entries = unzipSync(zip, {
      filter({ name, originalSize }) {
        found.push(name)
        const wanted = nameOf(name) === CONFIG || nameOf(name) === WEIGHTS
        if (wanted && originalSize > (nameOf(name) === CONFIG ? CONFIG_MOST : MOST)) throw tooLarge(originalSize)
        return wanted
      },
    })
  } catch (cause) {
    if (cause instanceof OpenChatError) throw cause
    throw new OpenChatError('adapter_invalid', 'The zip could not be read.', { cause, action: 'Pack the two files again.' })
  }
  const entry = (wanted: string) => Object.entries(entries).find(([name]) => nameOf(name) === wanted)?.[1]
  const [config, weights] = [entry(CONFIG), entry(WEIGHTS)]
  if (config === undefined) throw lacking(CONFIG, found)
  if (weights === undefined) throw lacking(WEIGHTS, found)
  return { config: new TextDecoder().decode(config), weights }
}

/** @param judge sees the config before the weights are fetched, and throws when they are not worth it */
export async function adapterOfUrl(typed: string, judge: (config: string) => void, signal: AbortSignal): Promise<AdapterFiles> {
  const address = fileAddress(typed)
  if (/\.zip$/i.test(new URL(address).pathname)) return adapterOfZip(await body(address, MOST, signal))
  const folder = folderOf(address)
  const config = new TextDecoder().decode(await body(folder + CONFIG, CONFIG_MOST, signal))
  judge(config)
  return { config, weights: await body(folder + WEIGHTS, MOST, signal) }
}

/** The folder of an adapter: as typed, or where the hub serves a repository's files. */
function folderOf(address: string): string {
  const url = new URL(address)
  if (url.hostname === 'huggingface.co') {
    url.pathname = url.pathname.replace(/\/tree\//, '/resolve/').replace(/^\/([^/]+)\/([^/]+)\/?$/, '/$1/$2/resolve/main')
  }
  url.pathname = url.pathname.replace(new RegExp(`(${CONFIG}|${WEIGHTS})$`), '').replace(/\/?$/, '/')
  return url.href
}

async function body(url: string, most: number, signal: AbortSignal): Promise<Uint8Array> {
  const failed = (why: string, cause?: unknown) =>
    new OpenChatError('download_failed', `${nameOf(new URL(url).pathname)} could not be fetched from ${new URL(url).host}: ${why}.`, {
      cause,
      meta: { hosts: new URL(url).host },
      action: 'Check the address; the server must also allow other sites to fetch from it (CORS).',
    })
  let answer: Response
  try {
    answer = await fetch(url, { signal })
  } catch (cause) {
    throw signal.aborted ? cause : failed('it could not be reached', cause)
  }
  if (!answer.ok || answer.body === null) throw failed(`it answered ${answer.status}`)
  const parts: Uint8Array[] = []
  let bytes = 0
  for await (const part of answer.body) {
    bytes += part.length
    if (bytes > most) throw tooLarge(bytes)
    parts.push(part)
  }
  return new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
}
