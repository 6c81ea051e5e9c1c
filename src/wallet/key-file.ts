// A key as a file that every Ethereum wallet can import: the Web3 secret storage definition, version 3, under a passphrase.
// Not how the page keeps its own key (key-lock.ts), and it holds no phrase.
// Invariants: written with PBKDF2 and 600,000 rounds; read with PBKDF2 or scrypt within bounds, so that a hostile file can
// neither hang the page nor take its memory; the address inside is compared with the key.
// Source: Ethereum "Web3 Secret Storage Definition"; the vectors in the test are that page's.
import { scryptAsync } from '@noble/hashes/scrypt.js'
import * as v from 'valibot'
import { fromHex, keccak, toHex, utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import { addressOfKey } from './key-lock.ts'

type Hex = `0x${string}`

const ROUNDS = 600_000
const MOST_ROUNDS = 10_000_000
/** 128 · N · r bytes are what scrypt takes. */
const MOST_SCRYPT_BYTES = 512 * 2 ** 20

const hex = v.pipe(v.string(), v.regex(/^[0-9a-fA-F]*$/))
const whole = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const kdf = v.variant('kdf', [
  v.object({ kdf: v.literal('pbkdf2'), kdfparams: v.object({ c: whole, dklen: v.literal(32), prf: v.literal('hmac-sha256'), salt: hex }) }),
  v.object({ kdf: v.literal('scrypt'), kdfparams: v.object({ n: whole, r: whole, p: whole, dklen: v.literal(32), salt: hex }) }),
])
const schema = v.object({
  version: v.literal(3),
  address: v.optional(v.string()),
  crypto: v.intersect([
    v.object({ cipher: v.literal('aes-128-ctr'), cipherparams: v.object({ iv: hex }), ciphertext: hex, mac: hex }),
    kdf,
  ]),
})

const bare = (bytes: Uint8Array): string => toHex(bytes).slice(2)
const bytesOf = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(fromHex(`0x${text.length % 2 ? '0' : ''}${text}`))

async function pbkdf2(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<Uint8Array> {
  const material = await crypto.subtle.importKey('raw', Uint8Array.from(utf8(passphrase)), 'PBKDF2', false, ['deriveBits'])
  return new Uint8Array(await crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }, material, 256))
}

/** AES-128-CTR is its own inverse. */
async function ctr(derived: Uint8Array, iv: Uint8Array<ArrayBuffer>, text: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey('raw', Uint8Array.from(derived.subarray(0, 16)), 'AES-CTR', false, ['encrypt'])
  return new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-CTR', counter: iv, length: 128 }, key, text))
}

/** @returns the file's text, JSON */
export async function writeKeyFile(key: Hex, passphrase: string): Promise<string> {
  const [salt, iv] = [crypto.getRandomValues(new Uint8Array(32)), crypto.getRandomValues(new Uint8Array(16))]
  const derived = await pbkdf2(passphrase, salt, ROUNDS)
  const ciphertext = await ctr(derived, iv, Uint8Array.from(fromHex(key, 32)))
  const file = {
    version: 3,
    id: crypto.randomUUID(),
    address: addressOfKey(key).slice(2),
    crypto: {
      cipher: 'aes-128-ctr',
      cipherparams: { iv: bare(iv) },
      ciphertext: bare(ciphertext),
      kdf: 'pbkdf2',
      kdfparams: { c: ROUNDS, dklen: 32, prf: 'hmac-sha256', salt: bare(salt) },
      mac: bare(keccak(derived.subarray(16, 32), ciphertext)),
    },
  }
  return `${JSON.stringify(file, null, 1)}\n`
}

/** @throws `key_file_invalid`, `key_file_locked` for a wrong passphrase */
export async function readKeyFile(text: string, passphrase: string): Promise<Hex> {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  const checked = v.safeParse(schema, parsed)
  if (!checked.success) throw invalid(`${v.getDotPath(checked.issues[0]) ?? 'the whole'} is not as expected`)
  const { crypto: held, address } = checked.output
  const ciphertext = bytesOf(held.ciphertext)
  const iv = bytesOf(held.cipherparams.iv)
  if (ciphertext.length !== 32 || iv.length !== 16) throw invalid('it holds no key of 32 bytes')
  const derived = await derive(held, passphrase)
  if (bare(keccak(derived.subarray(16, 32), ciphertext)) !== held.mac.toLowerCase()) {
    throw new OpenChatError('key_file_locked', 'That passphrase does not open the key file.', {
      action: 'Enter the one it was saved with.',
    })
  }
  const key = toHex(await ctr(derived, iv, ciphertext))
  const made = addressOfKey(key)
  if (address !== undefined && made.slice(2) !== address.toLowerCase().replace(/^0x/, ''))
    throw invalid('it names another address than its key has')
  return key
}

function derive(held: v.InferOutput<typeof kdf>, passphrase: string): Promise<Uint8Array> {
  const salt = bytesOf(held.kdfparams.salt)
  if (held.kdf === 'pbkdf2') {
    if (held.kdfparams.c > MOST_ROUNDS) throw invalid(`it asks for ${held.kdfparams.c} rounds`)
    return pbkdf2(passphrase, salt, held.kdfparams.c)
  }
  const { n, r, p } = held.kdfparams
  if ((n & (n - 1)) !== 0 || 128 * n * r > MOST_SCRYPT_BYTES || p > 16) throw invalid('its scrypt parameters are out of bounds')
  return scryptAsync(utf8(passphrase), salt, { N: n, r, p, dkLen: 32, asyncTick: 10 })
}

const invalid = (reason: string, cause?: unknown) =>
  new OpenChatError('key_file_invalid', `This is no key file that can be read: ${reason}.`, {
    meta: { reason },
    action: 'Choose the file that was saved as the back-up.',
    cause,
  })
