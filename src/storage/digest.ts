// sha256 in the two forms that storage needs: of a piece at hand (WebCrypto, some 800 MB/s on one core here), and of a file
// that passes by in order (hash-wasm, 170 MB/s; WebCrypto cannot be fed in parts). Hex in lower case everywhere.
import { createSHA256 } from 'hash-wasm'
import { OpenChatError } from '../errors.ts'

/** @returns 64 hex digits. */
export async function digestOf(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>)
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export interface StreamingDigest {
  update(bytes: Uint8Array): void
  /** Ends it. */
  digest(): string
}

/** A sha256 that is fed piece by piece, in order. */
export async function streamingDigest(): Promise<StreamingDigest> {
  const hash = (await createSHA256()).init()
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') }
}

/** @throws `digest_invalid` unless it is 64 lower-case hex digits; also keeps paths out of file names. */
export function checkDigest(digest: string): void {
  if (!/^[0-9a-f]{64}$/.test(digest)) {
    throw new OpenChatError('digest_invalid', `Expected a sha256 of 64 lower-case hex digits, got "${digest.slice(0, 80)}".`)
  }
}
