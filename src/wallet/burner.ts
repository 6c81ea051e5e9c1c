// The page's own account: one secp256k1 key, made here from a recovery phrase, kept encrypted, used to sign receipts and to send
// the page's own transactions. Not a wallet for savings: it holds what was put aside for answers.
// Invariants: the plain key is written nowhere; two tabs that start together get one account; the account's address is known
// while it is locked, and then everything but signing works; another account never overwrites this one: it is put aside,
// still locked as it was, and can be brought back; who restores a phrase gets its address.
import type { Hex } from 'viem'
import { type LocalAccount, type PrivateKeyAccount, privateKeyToAccount, toAccount } from 'viem/accounts'
import { DOMAIN_NAME, DOMAIN_VERSION, RECEIPT_TYPES, type ReceiptDomain, type ReceiptHeader } from '../attribution/receipt.ts'
import { OpenChatError } from '../errors.ts'
import type { RecordSpace } from '../storage/records.ts'
import { writeKeyFile } from './key-file.ts'
import { addressOfKey, lockSecret, type Opener, openSecret, type Secret, type StoredKey } from './key-lock.ts'
import { askPasskey } from './passkey.ts'
import { checkPhrase, keyOfPhrase, newPhrase } from './phrase.ts'

const NAMESPACE = 'keys'
const RECORD = 'burner'
const ASIDE = 'aside:'

export interface KeyState {
  address: Hex
  lock: 'device' | 'passphrase' | 'passkey'
  /** Nothing can be signed until it is unlocked. */
  locked: boolean
  /** Whether it was made from words that can be written down. */
  phrase: boolean
  backedUp: boolean
  /** Accounts this browser had before, newest first; `asideAt` in ms since the epoch. */
  aside: { address: Hex; asideAt: number }[]
}

export interface Burner {
  readonly address: Hex
  readonly locked: boolean
  /** EIP-712 signature, 65 bytes, of a receipt's header. @throws `burner_locked` */
  signReceipt(header: ReceiptHeader, domain: ReceiptDomain): Promise<Hex>
  /** For transactions of this room; its signatures throw `burner_locked` while it is locked. */
  readonly account: LocalAccount
  state(): Promise<KeyState>
  lock(): void
  /** With the passphrase where that is the lock; a passkey is asked for. @throws `burner_locked`, `passkey_refused` */
  unlock(passphrase?: string): Promise<void>
  /** Changes what opens it. @throws `burner_locked` */
  protect(opener: Opener): Promise<void>
  /** The words. @throws `burner_locked`, `key_without_phrase` */
  phrase(): string
  /** A file for any Ethereum wallet. @throws `burner_locked` */
  keyFile(passphrase: string): Promise<string>
  /** Its owner has shown that a back-up exists. */
  backedUp(): Promise<void>
}

/**
 * The account of this browser, made at the first call. Locked by this device it opens at once, else it stays locked.
 * @param passphrase where given at the first call, it is needed at each later one
 * @throws `burner_damaged`, and with a passphrase `burner_locked`
 */
export async function openBurner(records: RecordSpace, passphrase?: string): Promise<Burner> {
  const store = records.open<StoredKey>(NAMESPACE)
  let stored = await store.get(RECORD)
  if (!stored) {
    const phrase = newPhrase()
    const opener: Opener = passphrase === undefined ? { kind: 'device' } : { kind: 'passphrase', passphrase }
    const fresh = await lockSecret({ key: await keyOfPhrase(phrase), phrase }, opener)
    stored = await store.update(RECORD, (held) => held ?? fresh)
  }
  const { address } = stored
  let secret: Secret | null = null
  let signer: PrivateKeyAccount | null = null

  function opened(): { secret: Secret; signer: PrivateKeyAccount } {
    if (secret !== null && signer !== null) return { secret, signer }
    throw new OpenChatError('burner_locked', 'The account of this browser is locked.', {
      meta: { address },
      action: 'Unlock it in Settings.',
    })
  }

  /** The record of this account, which another tab may have changed or put aside. */
  async function current(): Promise<{ name: string; held: StoredKey }> {
    const now = await store.get(RECORD)
    if (now?.address === address) return { name: RECORD, held: now }
    const aside = await store.get(`${ASIDE}${address}`)
    if (aside) return { name: `${ASIDE}${address}`, held: aside }
    throw new OpenChatError('burner_damaged', `The stored key of ${address} is gone from this browser.`, {
      meta: { address },
      action: 'Restore it from its recovery phrase or key file in Settings.',
    })
  }

  async function open(opener: Opener): Promise<void> {
    const found = await openSecret((await current()).held, opener)
    if (addressOfKey(found.key) !== address) throw new OpenChatError('burner_damaged', `The stored key is not that of ${address}.`)
    secret = found
    signer = privateKeyToAccount(found.key)
  }

  if (passphrase !== undefined) await open({ kind: 'passphrase', passphrase })
  else if (stored.lock.kind === 'device') await open({ kind: 'device' })

  return {
    address,
    get locked() {
      return signer === null
    },
    account: toAccount({
      address,
      signMessage: async (message) => opened().signer.signMessage(message),
      signTransaction: async (transaction, options) => opened().signer.signTransaction(transaction, options),
      signTypedData: async (data) => opened().signer.signTypedData(data),
    }),
    signReceipt: async (header, domain) =>
      opened().signer.signTypedData({
        domain: { name: DOMAIN_NAME, version: DOMAIN_VERSION, chainId: domain.chainId, verifyingContract: domain.contract },
        types: RECEIPT_TYPES,
        primaryType: 'Receipt',
        message: header,
      }),
    async state() {
      const { held } = await current()
      const aside = (await store.entries()).flatMap(([name, key]) =>
        name.startsWith(ASIDE) && key.address !== address ? [{ address: key.address, asideAt: key.asideAt ?? 0 }] : [],
      )
      return {
        address,
        lock: held.lock.kind,
        locked: signer === null,
        phrase: held.phrase === true,
        backedUp: held.backedUp === true,
        aside: aside.sort((a, b) => b.asideAt - a.asideAt),
      }
    },
    lock() {
      secret = null
      signer = null
    },
    async unlock(given) {
      const { lock } = (await current()).held
      if (lock.kind === 'device') return open({ kind: 'device' })
      if (lock.kind === 'passphrase') return open({ kind: 'passphrase', passphrase: given ?? '' })
      await open(await askPasskey(lock.credential, lock.salt))
    },
    async protect(opener) {
      const locked = await lockSecret(opened().secret, opener)
      const { name, held } = await current()
      await store.set(name, { ...locked, ...(held.backedUp === true ? { backedUp: true } : {}) })
    },
    phrase() {
      const { phrase } = opened().secret
      if (phrase !== null) return phrase
      throw new OpenChatError('key_without_phrase', 'This account was made before recovery phrases, so it has none.', {
        action: 'Save its key file instead.',
      })
    },
    keyFile: async (password) => writeKeyFile(opened().secret.key, password),
    async backedUp() {
      const { name } = await current()
      await store.update(name, (held) => ({ ...held!, backedUp: true }))
    },
  }
}

/** What becomes this browser's account: words, a bare key, an account that was put aside, or a new one. */
export type Successor = { phrase: string } | { key: Hex } | { aside: Hex } | 'fresh'

/**
 * Makes another account the current one; the present one is put aside as it is. Wallets that are open must be opened again.
 * @returns its address. @throws `phrase_invalid`, `key_unknown`
 */
export async function replaceBurner(records: RecordSpace, successor: Successor): Promise<Hex> {
  const store = records.open<StoredKey>(NAMESPACE)
  const next = await successorKey(store, successor)
  const present = await store.get(RECORD)
  if (present?.address === next.address) {
    // Restored over itself, perhaps because its lock cannot be opened any more.
    await store.set(RECORD, next)
    return next.address
  }
  // Aside first: a crash between the two leaves both.
  if (present) await store.set(`${ASIDE}${present.address}`, { ...present, asideAt: Date.now() })
  const { asideAt: _, ...fresh } = next
  await store.set(RECORD, fresh)
  await store.delete(`${ASIDE}${next.address}`)
  return next.address
}

async function successorKey(store: { get(key: string): Promise<StoredKey | undefined> }, successor: Successor): Promise<StoredKey> {
  const device: Opener = { kind: 'device' }
  if (successor === 'fresh') {
    const phrase = newPhrase()
    return lockSecret({ key: await keyOfPhrase(phrase), phrase }, device)
  }
  if ('phrase' in successor) {
    const phrase = checkPhrase(successor.phrase)
    // Who typed the words has them.
    return { ...(await lockSecret({ key: await keyOfPhrase(phrase), phrase }, device)), backedUp: true }
  }
  if ('key' in successor) return { ...(await lockSecret({ key: successor.key, phrase: null }, device)), backedUp: true }
  const aside = await store.get(`${ASIDE}${successor.aside}`)
  if (aside) return aside
  throw new OpenChatError('key_unknown', `This browser keeps no account ${successor.aside}.`, {
    meta: { address: successor.aside },
    action: 'Restore it from its recovery phrase or key file.',
  })
}
