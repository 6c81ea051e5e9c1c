// What a URL serves, before it is fetched: how long it is, whether ranges work, and its first bytes. Not a download.
// A server that ignores ranges is read from the front, as far as is needed, and then cut off.
import { OpenChatError } from '../errors.ts'
import type { ByteSource } from '../gpu/types.ts'
import { rangeSource } from './sources.ts'

export interface ServedFile {
  url: string
  bytes: number
  /** Changes when the file does; null where the server says nothing of that. */
  version: string | null
  source: ByteSource
  /** Whether any piece can be read without those before it. */
  ranged: boolean
  /** Lets the connection go. */
  close(): void
}

/** A page about a file of the hub becomes the file's own address; anything else stays. @throws address_invalid */
export function fileAddress(typed: string): string {
  const text = typed.trim()
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new OpenChatError('address_invalid', `"${text.slice(0, 80)}" is no address of a file.`, {
      action: 'Give an address that begins with https://.',
    })
  }
  const url = new URL(text)
  if (url.hostname === 'huggingface.co') url.pathname = url.pathname.replace(/^(\/[^/]+\/[^/]+)\/blob\//, '$1/resolve/')
  return url.href
}

/** @throws download_failed */
export async function openServedFile(url: string, signal: AbortSignal, get: typeof fetch = fetch): Promise<ServedFile> {
  const cut = new AbortController()
  const inner = AbortSignal.any([signal, cut.signal])
  const host = new URL(url).host
  const unreachable = (cause: unknown) =>
    new OpenChatError('download_failed', `The file could not be fetched from ${host}: ${cause instanceof Error ? cause.message : cause}.`, {
      cause,
      meta: { hosts: host },
      action: 'Check the address; the server must also allow other sites to fetch from it (CORS).',
    })
  let response: Response
  try {
    response = await get(url, { signal: inner, headers: { Range: 'bytes=0-65535' } })
  } catch (cause) {
    throw signal.aborted ? cancelled(cause) : unreachable(cause)
  }
  if (!response.ok || response.body === null) throw unreachable(`it answered ${response.status}`)
  const version = response.headers.get('etag') ?? response.headers.get('last-modified')
  if (response.status === 206) {
    await response.body.cancel()
    const total = Number(/\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1] ?? (await lengthByHead(url, inner, get)))
    if (Number.isSafeInteger(total) && total > 0)
      return { url, bytes: total, version, source: rangeSource(url, total), ranged: true, close: () => cut.abort() }
    throw unreachable('it does not say how long the file is')
  }
  const bytes = Number(response.headers.get('content-length') ?? Number.NaN)
  if (!Number.isSafeInteger(bytes) || response.headers.has('content-encoding')) throw unreachable('it does not say how long the file is')
  return { url, bytes, version, source: frontSource(response.body.getReader(), bytes), ranged: false, close: () => cut.abort() }
}

async function lengthByHead(url: string, signal: AbortSignal, get: typeof fetch): Promise<string | null> {
  const head = await get(url, { method: 'HEAD', signal })
  return head.headers.get('content-length')
}

const cancelled = (cause: unknown) => new OpenChatError('cancelled', 'Reading the file was cancelled.', { cause })

/** Bytes from the front of a body; what was read stays at hand, since readers of headers go back a little. */
function frontSource(reader: ReadableStreamDefaultReader<Uint8Array>, bytes: number): ByteSource {
  let front = new Uint8Array(0)
  return {
    bytes,
    async read(offset, length) {
      const parts: Uint8Array[] = [front]
      let held = front.length
      while (held < offset + length) {
        const { done, value } = await reader.read()
        if (done) {
          throw new OpenChatError('file_truncated', `The file ends at ${held} bytes; ${length} bytes were asked at ${offset}.`, {
            meta: { bytes: held, offset, length },
            action: 'Fetch the file again.',
          })
        }
        parts.push(value)
        held += value.length
      }
      if (parts.length > 1) front = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer())
      return front.slice(offset, offset + length)
    },
  }
}
