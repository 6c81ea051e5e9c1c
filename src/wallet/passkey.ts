// Thirty-two secret bytes from a passkey: WebAuthn's PRF extension, evaluated on a salt that lies beside the locked key. Not an
// account and not a login: the authenticator's signature is not looked at, only the secret is used (key-lock.ts).
// Invariants: user verification is asked for; without PRF nothing is made; the secret is returned, never kept.
// Source: WebAuthn Level 3 §10.1.4 (prf).
import { OpenChatError } from '../errors.ts'
import type { Opener } from './key-lock.ts'

type Passkey = Extract<Opener, { kind: 'passkey' }>
type Bytes = Uint8Array<ArrayBuffer>

const ES256 = -7
const RS256 = -257
const TIMEOUT_MS = 120_000

const random = (bytes: number): Bytes => crypto.getRandomValues(new Uint8Array(bytes))

/** Makes a passkey for the key of `address`. @throws `passkey_unavailable`, `passkey_refused` */
export async function makePasskey(address: string): Promise<Passkey> {
  const salt = random(32)
  const publicKey: PublicKeyCredentialCreationOptions = {
    challenge: random(32),
    rp: { name: 'Open Chat' },
    user: { id: random(16), name: `Open Chat ${address.slice(0, 10)}`, displayName: `Open Chat ${address.slice(0, 10)}` },
    pubKeyCredParams: [ES256, RS256].map((alg) => ({ type: 'public-key', alg })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
    extensions: { prf: { eval: { first: salt } } },
    timeout: TIMEOUT_MS,
  }
  const made = await asked(() => navigator.credentials.create({ publicKey }))
  const results = made.getClientExtensionResults().prf
  const credential = new Uint8Array(made.rawId.slice(0))
  if (results?.enabled !== true && results?.results === undefined) throw unavailable()
  // Some authenticators only evaluate when they are asked, not when they make one.
  const output = results.results ? bytesOf(results.results.first) : await evaluate(credential, salt)
  return { kind: 'passkey', credential, salt, output }
}

/** Asks the passkey again. @throws `passkey_unavailable`, `passkey_refused` */
export async function askPasskey(credential: Bytes, salt: Bytes): Promise<Passkey> {
  return { kind: 'passkey', credential, salt, output: await evaluate(credential, salt) }
}

async function evaluate(credential: Bytes, salt: Bytes): Promise<Bytes> {
  const publicKey: PublicKeyCredentialRequestOptions = {
    challenge: random(32),
    allowCredentials: [{ type: 'public-key', id: credential }],
    userVerification: 'required',
    extensions: { prf: { eval: { first: salt } } },
    timeout: TIMEOUT_MS,
  }
  const given = await asked(() => navigator.credentials.get({ publicKey }))
  const first = given.getClientExtensionResults().prf?.results?.first
  if (first === undefined) throw unavailable()
  return bytesOf(first)
}

async function asked(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  if (typeof PublicKeyCredential === 'undefined') throw unavailable()
  try {
    const given = await ask()
    if (given instanceof PublicKeyCredential) return given
    throw unavailable()
  } catch (cause) {
    if (cause instanceof OpenChatError) throw cause
    if (cause instanceof DOMException && cause.name === 'SecurityError') throw nameless(cause)
    throw new OpenChatError('passkey_refused', 'The passkey was not given.', { action: 'Try again, or use a passphrase.', cause })
  }
}

function bytesOf(source: BufferSource): Bytes {
  return ArrayBuffer.isView(source)
    ? Uint8Array.from(new Uint8Array(source.buffer, source.byteOffset, source.byteLength))
    : new Uint8Array(source.slice(0))
}

/** WebAuthn knows names only: `127.0.0.1` is none, `localhost` is. */
const nameless = (cause: unknown) =>
  new OpenChatError('passkey_unavailable', `Passkeys need a page with a name, and this one is at ${location.hostname}.`, {
    action: 'Open it under localhost or its own domain, or use a passphrase.',
    cause,
  })

const unavailable = () =>
  new OpenChatError('passkey_unavailable', 'This browser or authenticator has no passkeys that can hold a secret (WebAuthn PRF).', {
    action: 'Use a passphrase instead.',
  })
