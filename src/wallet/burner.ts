// The page's own account: one secp256k1 key, made here, kept encrypted, used to sign receipts and to send the page's own
// transactions. Not a wallet for savings: it holds what was put aside for answers, and it does not leave this browser.
// At rest the key is AES-GCM ciphertext. Without a passphrase the AES key is a non-extractable CryptoKey beside it: another
// reader of the disk's files gets bytes, though a script of this origin could use it. With one, it is PBKDF2-SHA-256 with
// 600,000 rounds (OWASP 2023) and is stored nowhere.
// Invariants: the plain key is written nowhere and returned by nothing; two tabs that start together get one account.
import type { Hex } from 'viem'
import { generatePrivateKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { DOMAIN_NAME, DOMAIN_VERSION, RECEIPT_TYPES, type ReceiptDomain, type ReceiptHeader } from '../attribution/receipt.ts'
import { fromHex, toHex, utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'

const PBKDF2_ROUNDS = 600_000
const NAMESPACE = 'keys'
const RECORD = 'burner'

export interface StoredKey {
  version: 1
  address: Hex
  iv: Uint8Array<ArrayBuffer>
  /** AES-256-GCM of the 32 key bytes; the address is authenticated with it. */
  ciphertext: ArrayBuffer
  lock: { kind: 'device'; key: CryptoKey } | { kind: 'passphrase'; salt: Uint8Array<ArrayBuffer>; rounds: number }
}

export interface Burner {
  readonly address: Hex
  /** EIP-712 signature, 65 bytes, of a receipt's header. */
  signReceipt(header: ReceiptHeader, domain: ReceiptDomain): Promise<Hex>
  /** For transactions of this room. */
  readonly account: PrivateKeyAccount
}

/**
 * The account of this browser, made at the first call.
 * @param passphrase where given at the first call, it is needed at each later one
 * @throws `burner_locked` for a missing or wrong passphrase, `burner_damaged`
 */
export async function openBurner(records: RecordSpace, passphrase?: string): Promise<Burner> {
  const store = records.open<StoredKey>(NAMESPACE)
  let stored = await store.get(RECORD)
  if (!stored) {
    const fresh = await lock(generatePrivateKey(), passphrase)
    stored = await store.update(RECORD, (held) => held ?? fresh)
  }
  const account = privateKeyToAccount(await unlock(stored, passphrase))
  return {
    address: account.address.toLowerCase() as Hex,
    account,
    signReceipt: (header, domain) =>
      account.signTypedData({
        domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, chainId: domain.chainId, verifyingContract: domain.contract },
        types: RECEIPT_TYPES,
        primaryType: 'Receipt',
        message: header,
      }),
  }
}

const algorithm = (iv: Uint8Array<ArrayBuffer>, address: Hex) => ({
  name: 'AES-GCM',
  iv,
  additionalData: Uint8Array.from(utf8(address)),
})

async function derive(passphrase: string, salt: Uint8Array<ArrayBuffer>, rounds: number): Promise<CryptoKey> {
  const material = await crypto.subtle.importKey('raw', Uint8Array.from(utf8(passphrase.normalize('NFKC'))), 'PBKDF2', false, ['deriveKey'])
  const parameters = { name: 'PBKDF2', hash: 'SHA-256', salt, iterations: rounds }
  return crypto.subtle.deriveKey(parameters, material, { name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
}

async function lock(privateKey: Hex, passphrase: string | undefined): Promise<StoredKey> {
  const address = privateKeyToAccount(privateKey).address.toLowerCase() as Hex
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const salt = crypto.getRandomValues(new Uint8Array(16))
  const key =
    passphrase === undefined
      ? await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
      : await derive(passphrase, salt, PBKDF2_ROUNDS)
  const plain = Uint8Array.from(fromHex(privateKey, 32))
  const ciphertext = await crypto.subtle.encrypt(algorithm(iv, address), key, plain)
  plain.fill(0)
  return {
    version: 1,
    address,
    iv,
    ciphertext,
    lock: passphrase === undefined ? { kind: 'device', key } : { kind: 'passphrase', salt, rounds: PBKDF2_ROUNDS },
  }
}

async function unlock(stored: StoredKey, passphrase: string | undefined): Promise<Hex> {
  const { lock: held } = stored
  if (held.kind === 'passphrase' && passphrase === undefined) {
    throw new OpenChatError('burner_locked', 'The account of this browser is locked by a passphrase.', { action: 'Enter the passphrase.' })
  }
  const key = held.kind === 'device' ? held.key : await derive(passphrase!, held.salt, held.rounds)
  let plain: Uint8Array
  try {
    plain = new Uint8Array(await crypto.subtle.decrypt(algorithm(stored.iv, stored.address), key, stored.ciphertext))
  } catch (cause) {
    if (held.kind === 'passphrase') {
      throw new OpenChatError('burner_locked', 'That passphrase does not open the account.', {
        cause,
        action: 'Enter the passphrase again.',
      })
    }
    throw new OpenChatError('burner_damaged', `The stored key of ${stored.address} cannot be opened.`, {
      meta: { address: stored.address },
      cause,
      action: 'Clear the site data to begin with a new account; what lies on the old one is lost to this browser.',
    })
  }
  const privateKey = toHex(plain)
  plain.fill(0)
  return privateKey
}
