// Random access to a file that is kept (a Blob) or served (HTTP ranges), as the engine's ByteSource.
import { OpenChatError } from '../errors.ts'
import type { ByteSource } from '../gpu/types.ts'

function ensureInside(bytes: number, offset: number, length: number): void {
  if (offset + length <= bytes) return
  throw new OpenChatError('file_truncated', `The file ends at ${bytes} bytes; ${length} bytes were asked at ${offset}.`, {
    meta: { bytes, offset, length },
    action: 'Download the file again.',
  })
}

export function blobSource(blob: Blob): ByteSource {
  return {
    bytes: blob.size,
    async read(offset, length) {
      ensureInside(blob.size, offset, length)
      return new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer())
    },
  }
}

/** A served file of known length, read by ranges, so that its header costs a few requests instead of the whole file. */
export function rangeSource(url: string, bytes: number): ByteSource {
  return {
    bytes,
    async read(offset, length) {
      ensureInside(bytes, offset, length)
      if (length === 0) return new Uint8Array(0)
      const answer = await fetch(url, { headers: { Range: `bytes=${offset}-${offset + length - 1}` } })
      const body = answer.status === 206 ? new Uint8Array(await answer.arrayBuffer()) : null
      if (body === null) await answer.body?.cancel()
      if (body?.length === length) return body
      throw new OpenChatError(
        'range_refused',
        `The server of ${url} answered ${answer.status} with ${body?.length ?? 'no'} bytes to a range of ${length}.`,
        {
          meta: { url, status: answer.status },
          action: 'Download the whole model, or use another server.',
        },
      )
    },
  }
}
