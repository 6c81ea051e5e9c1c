// How a key lies on disk: AES-256-GCM, opened by what this device holds, by a passphrase, or by a passkey. Not where it lies and
// not who signs (burner.ts).
// The device's lock is a non-extractable CryptoKey beside the ciphertext: a reader of the disk gets bytes, a script of this
// origin could use it. A passphrase goes through PBKDF2-SHA-256 with 600,000 rounds (OWASP 2023); a passkey gives 32 secret
// bytes by WebAuthn's PRF, which HKDF makes a key of. Neither is stored.
// Invariants: the address is authenticated with the ciphertext; plain bytes are wiped after use; what the first version of
// this page wrote (`version: 1`, 32 bare key bytes) still opens.
import type { Hex } from 'viem'
import { privateKeyToAddress } from 'viem/accounts'
import { fromHex, toHex, utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

const PBKDF2_ROUNDS = 600_000
const HKDF_INFO = 'open-chat/key-lock/1'

type Bytes = Uint8Array<ArrayBuffer>

export type StoredLock =
  | { kind: 'device'; key: CryptoKey }
  | { kind: 'passphrase'; salt: Bytes; rounds: number }
  /** `salt` is what the authenticator evaluates its PRF on. */
  | { kind: 'passkey'; credential: Bytes; salt: Bytes }

export interface StoredKey {
  version: 1 | 2
  address: Hex
  iv: Bytes
  /** Of the 32 key bytes (version 1), or of JSON `{ key, phrase }`. */
  ciphertext: ArrayBuffer
  lock: StoredLock
  /** Whether a recovery phrase is inside. */
  phrase?: boolean
  /** Its owner has shown that a back-up exists. */
  backedUp?: boolean
  /** ms since the epoch, of being put aside for another account. */
  asideAt?: number
}

export interface Secret {
  key: Hex
  phrase: string | null
}

/** What opens a lock, or closes one: nothing for the device's own. */
export type Opener =
  | { kind: 'device' }
  | { kind: 'passphrase'; passphrase: string }
  | { kind: 'passkey'; credential: Bytes; salt: Bytes; output: Bytes }

export const addressOfKey = (key: Hex): Hex => privateKeyToAddress(key).toLowerCase() as Hex

const algorithm = (iv: Bytes, address: Hex) => ({ name: 'AES-GCM', iv, additionalData: Uint8Array.from(utf8(address)) })

const USES: KeyUsage[] = ['encrypt', 'decrypt']
const AES = { name: 'AES-GCM', length: 256 }

async function ofPassphrase(passphrase: string, salt: Bytes, rounds: number): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', Uint8Array.from(utf8(passphrase.normalize('NFKC'))), 'PBKDF2', false, ['deriveKey'])
  return crypto.subtle.deriveKey({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, material, AES, false, USES)
}

async function ofPasskey(output: Bytes, salt: Bytes): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', output, 'HKDF', false, ['deriveKey'])
  const info = Uint8Array.from(utf8(HKDF_INFO))
  return crypto.subtle.deriveKey({ name: 'HKDF', hash: 'SHA-256', salt, info }, material, AES, false, USES)
}

async function newLock(opener: Opener): Promise<{ lock: StoredLock; key: CryptoKey }> {
  if (opener.kind === 'device') {
    const key = await crypto.subtle.generateKey(AES, false, USES)
    return { lock: { kind: 'device', key }, key }
  }
  if (opener.kind === 'passkey') {
    const { credential, salt, output } = opener
    return { lock: { kind: 'passkey', credential, salt }, key: await ofPasskey(output, salt) }
  }
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const key = await ofPassphrase(opener.passphrase, salt, PBKDF2_ROUNDS)
  return { lock: { kind: 'passphrase', salt, rounds: PBKDF2_ROUNDS }, key }
}

export async function lockSecret(secret: Secret, opener: Opener): Promise<StoredKey> {
  const address = addressOfKey(secret.key)
  const { lock, key } = await newLock(opener)
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const plain = Uint8Array.from(utf8(JSON.stringify(secret)))
  const ciphertext = await crypto.subtle.encrypt(algorithm(iv, address), key, plain)
  plain.fill(0)
  return { version: 2, address, iv, ciphertext, lock, phrase: secret.phrase !== null }
}

/** @throws `burner_locked` for a missing or wrong opener, `burner_damaged` */
export async function openSecret(stored: StoredKey, opener: Opener): Promise<Secret> {
  const { lock, address, iv } = stored
  const key = await keyFor(lock, opener)
  let plain: Uint8Array
  try {
    plain = new Uint8Array(await crypto.subtle.decrypt(algorithm(iv, address), key, stored.ciphertext))
  } catch (cause) {
    if (lock.kind === 'device') throw damaged(address, cause)
    const what = lock.kind === 'passphrase' ? 'passphrase' : 'passkey'
    throw new OpenChatError('burner_locked', `That ${what} does not open the account.`, {
      meta: { address, lock: lock.kind },
      action: lock.kind === 'passphrase' ? 'Enter the passphrase again.' : 'Choose the passkey that was made for it.',
      cause,
    })
  }
  const secret: Secret =
    stored.version === 1 ? { key: toHex(plain), phrase: null } : (JSON.parse(new TextDecoder().decode(plain)) as Secret)
  plain.fill(0)
  fromHex(secret.key, 32)
  return secret
}

async function keyFor(lock: StoredLock, opener: Opener): Promise<CryptoKey> {
  if (lock.kind === 'device') return lock.key
  if (lock.kind === 'passphrase' && opener.kind === 'passphrase') return ofPassphrase(opener.passphrase, lock.salt, lock.rounds)
  if (lock.kind === 'passkey' && opener.kind === 'passkey') return ofPasskey(opener.output, lock.salt)
  throw new OpenChatError('burner_locked', `The account of this browser is locked by a ${lock.kind}.`, {
    meta: { lock: lock.kind },
    action: 'Unlock it in Settings.',
  })
}

const damaged = (address: Hex, cause: unknown) =>
  new OpenChatError('burner_damaged', `The stored key of ${address} cannot be opened.`, {
    meta: { address },
    action: 'Restore the account from its recovery phrase or key file in Settings.',
    cause,
  })
