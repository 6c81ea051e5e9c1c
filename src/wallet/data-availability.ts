// The page's side of a data-availability server in keccak mode: what is put is named by its hash, and what comes back is
// checked against it. DA shows that data was published; it does not promise to keep it.
// Source: Optimism alt-DA: `POST /put/0x00‖keccak256(body)`, `GET /get/` the same.
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

/** Largest body one request may carry. */
const DA_BYTES = 16 * 2 ** 20

export interface DataAvailability {
  /** @returns the commitment, 33 bytes. @throws `da_unreachable`, `da_too_large` */
  put(body: Uint8Array, signal?: AbortSignal): Promise<Hex>
  /** @throws `da_missing`, `da_lied`, `da_unreachable` */
  get(commitment: Hex, signal?: AbortSignal): Promise<Uint8Array>
}

export const keccakCommitment = (body: Uint8Array): Hex => `0x00${toHex(keccak(body)).slice(2)}`

export function createDataAvailability(url: string, fetch = globalThis.fetch, timeoutMs = 20_000): DataAvailability {
  const host = new URL(url).host
  async function ask(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      return await fetch(`${url.replace(/\/$/, '')}${path}`, { ...init, signal: signal ? AbortSignal.any([signal, timeout]) : timeout })
    } catch (cause) {
      if (signal?.aborted) throw new OpenChatError('cancelled', 'Publishing was cancelled.', { cause })
      throw unreachable(timeout.aborted ? `it said nothing for ${timeoutMs / 1000} s` : 'it cannot be reached', cause)
    }
  }
  const unreachable = (reason: string, cause?: unknown) =>
    new OpenChatError('da_unreachable', `The data-availability server ${host} did not serve: ${reason}.`, {
      meta: { host },
      action: 'Try again; nothing is lost.',
      cause,
    })

  return {
    async put(body, signal) {
      if (body.length > DA_BYTES) {
        throw new OpenChatError('da_too_large', `One publication holds ${DA_BYTES} bytes, this one is ${body.length}.`, {
          meta: { bytes: body.length, limit: DA_BYTES },
          action: 'Contribute it in parts.',
        })
      }
      const commitment = keccakCommitment(body)
      const response = await ask(`/put/${commitment}`, { method: 'POST', body: new Blob([Uint8Array.from(body)]) }, signal)
      if (!response.ok) throw unreachable(`it answered ${response.status}`)
      return commitment
    },
    async get(commitment, signal) {
      if (!/^0x00[0-9a-f]{64}$/.test(commitment)) {
        throw new OpenChatError('da_missing', `${commitment} is no keccak commitment; only those can be fetched here.`, {
          meta: { commitment },
        })
      }
      const response = await ask(`/get/${commitment}`, {}, signal)
      if (response.status === 404) {
        throw new OpenChatError('da_missing', `${host} no longer has ${commitment}.`, {
          meta: { host, commitment },
          action: 'Ask another member of the datanet, or try again later.',
        })
      }
      if (!response.ok) throw unreachable(`it answered ${response.status}`)
      let body: Uint8Array
      try {
        body = new Uint8Array(await response.arrayBuffer())
      } catch (cause) {
        throw unreachable('the connection broke', cause)
      }
      if (toHex(keccak(body)) !== toHex(fromHex(commitment).subarray(1))) {
        throw new OpenChatError('da_lied', `${host} returned other bytes than ${commitment} names.`, {
          meta: { host, commitment, got: keccakCommitment(body) },
          action: 'Choose another data-availability server; nothing it said was used.',
        })
      }
      return body
    },
  }
}
