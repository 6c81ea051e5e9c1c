import { recoverAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { type ReceiptHeader, receiptId, typedDataDigest } from '../attribution/receipt.ts'
import type { Hex } from '../attribution/types.ts'
import { memoryRecords, type RecordSpace } from '../storage/records.ts'
import { openBurner, replaceBurner } from './burner.ts'
import { recoverSigner } from './chain-values.ts'
import { readKeyFile } from './key-file.ts'
import { addressOfKey, type StoredKey } from './key-lock.ts'
import { keyOfPhrase } from './phrase.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const domain = { chainId: 42069n, contract: '0x5fbdb2315678afecb367f032d93f642f64180aa3' as Hex }

const headerOf = (payer: Hex): ReceiptHeader => ({
  payer,
  channel: hash('00'),
  nonce: 2n ** 40n + 7n,
  content: hash('ab'),
  sharesRoot: hash('cd'),
  shareCount: 3,
  fee: 10n ** 15n,
})

/** Every byte string and text that a structured value holds, keys of CryptoKeys excepted, as hex or text. */
function contents(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (value instanceof ArrayBuffer) return [Buffer.from(value).toString('hex')]
  if (ArrayBuffer.isView(value)) return [Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex')]
  if (typeof value === 'object' && value !== null) return Object.values(value).flatMap(contents)
  return []
}

describe('burner', () => {
  it('signs what attribution calls the typed data digest, and is the same account at the next start', async () => {
    const records = memoryRecords()
    const burner = await openBurner(records)
    const header = headerOf(burner.address)
    const signature = await burner.signReceipt(header, domain)
    const digest = typedDataDigest(header, domain)
    expect((await recoverAddress({ hash: digest, signature })).toLowerCase()).toBe(burner.address)
    expect(await recoverSigner(digest, signature)).toBe(burner.address)
    expect(await recoverSigner(receiptId(header), signature)).not.toBe(burner.address)
    expect(await recoverSigner(digest, '0x1234')).toBe(`0x${'0'.repeat(40)}`)
    expect((await openBurner(records)).address).toBe(burner.address)
  })

  it('keeps the key as ciphertext under a key that cannot be exported', async () => {
    const records = memoryRecords()
    await openBurner(records)
    const [[, stored]] = await records.open<StoredKey>('keys').entries()
    if (stored.lock.kind !== 'device') throw new Error('expected a device lock')
    expect(stored.lock.key.extractable).toBe(false)
    await expect(crypto.subtle.exportKey('raw', stored.lock.key)).rejects.toThrow()
    // The plain key, had with the lock's own help, stands nowhere in what is stored.
    const plain = await crypto.subtle.decrypt(
      { name: 'AES-GCM', iv: stored.iv, additionalData: new TextEncoder().encode(stored.address) },
      stored.lock.key,
      stored.ciphertext,
    )
    const { key, phrase } = JSON.parse(new TextDecoder().decode(plain)) as { key: Hex; phrase: string }
    expect(key).toMatch(/^0x[0-9a-f]{64}$/)
    expect(await keyOfPhrase(phrase)).toBe(key)
    for (const held of contents(stored)) {
      expect(held.toLowerCase()).not.toContain(key.slice(2))
      expect(held).not.toContain(phrase)
    }
  })

  it('opens with the right passphrase only', async () => {
    const records = memoryRecords()
    const { address } = await openBurner(records, 'correct horse')
    expect((await openBurner(records, 'correct horse')).address).toBe(address)
    await expect(openBurner(records, 'wrong horse')).rejects.toMatchObject({ code: 'burner_locked' })
    const locked = await openBurner(records)
    expect([locked.address, locked.locked]).toEqual([address, true])
    await expect(locked.signReceipt(headerOf(address), domain)).rejects.toMatchObject({ code: 'burner_locked' })
    await expect(locked.account.signMessage({ message: 'hello' })).rejects.toMatchObject({ code: 'burner_locked' })
    await expect(locked.unlock('wrong')).rejects.toMatchObject({ code: 'burner_locked' })
    await locked.unlock('correct horse')
    expect(await locked.signReceipt(headerOf(address), domain)).toMatch(/^0x[0-9a-f]{130}$/)
    locked.lock()
    await expect(locked.signReceipt(headerOf(address), domain)).rejects.toMatchObject({ code: 'burner_locked' })
  })

  it('opens the bare key that the first version of the page wrote, which has no phrase but a key file', async () => {
    const records = memoryRecords()
    const key: Hex = `0x${'5a'.repeat(32)}`
    const address = addressOfKey(key)
    const aes = await crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, false, ['encrypt', 'decrypt'])
    const iv = crypto.getRandomValues(new Uint8Array(12))
    const additionalData = new TextEncoder().encode(address)
    const ciphertext = await crypto.subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, aes, Uint8Array.from(Buffer.alloc(32, 0x5a)))
    const old: StoredKey = { version: 1, address, iv, ciphertext, lock: { kind: 'device', key: aes } }
    await records.open<StoredKey>('keys').set('burner', old)
    const burner = await openBurner(records)
    expect(burner.address).toBe(address)
    expect(() => burner.phrase()).toThrow(expect.objectContaining({ code: 'key_without_phrase' }))
    expect(await readKeyFile(await burner.keyFile('paper'), 'paper')).toBe(key)
    await burner.protect({ kind: 'passphrase', passphrase: 'later' })
    const after = await openBurner(records)
    await after.unlock('later')
    expect(await readKeyFile(await after.keyFile('paper'), 'paper')).toBe(key)
  })

  it('changes its lock without changing its account, and keeps that it was backed up', async () => {
    const records = memoryRecords()
    const burner = await openBurner(records)
    expect(await burner.state()).toMatchObject({ lock: 'device', locked: false, phrase: true, backedUp: false, aside: [] })
    await burner.backedUp()
    const passkey = { credential: Uint8Array.of(1), salt: Uint8Array.of(2), output: crypto.getRandomValues(new Uint8Array(32)) }
    await burner.protect({ kind: 'passkey', ...passkey })
    const later = await openBurner(records)
    expect(await later.state()).toMatchObject({ address: burner.address, lock: 'passkey', locked: true, backedUp: true })
    await burner.protect({ kind: 'device' })
    expect((await openBurner(records)).locked).toBe(false)
  })

  it('restores a phrase to the same address, and puts the account it replaces aside', async () => {
    const [here, there] = [memoryRecords(), memoryRecords()]
    const first = await openBurner(here)
    const phrase = first.phrase()
    const other = await openBurner(there)
    expect(await replaceBurner(there, { phrase: `  ${phrase.toUpperCase()} ` })).toBe(first.address)
    const restored = await openBurner(there)
    expect(await restored.state()).toMatchObject({ address: first.address, backedUp: true, aside: [{ address: other.address }] })
    // A tab that still holds the one put aside goes on with it.
    expect(await other.state()).toMatchObject({ address: other.address, aside: [] })
    await replaceBurner(there, { aside: other.address })
    const back = await openBurner(there)
    expect(back.phrase()).toBe(other.phrase())
    expect((await back.state()).aside.map(({ address }) => address)).toEqual([first.address])
    await expect(replaceBurner(there, { aside: `0x${'11'.repeat(20)}` })).rejects.toMatchObject({ code: 'key_unknown' })
    await expect(replaceBurner(there, { phrase: 'twelve words' })).rejects.toMatchObject({ code: 'phrase_invalid' })
    expect((await openBurner(there)).address).toBe(other.address)
  })

  it('killed at any write of a replacement, loses no account', async () => {
    for (let steps = 0; steps < 4; steps++) {
      const records = memoryRecords()
      const { address } = await openBurner(records)
      let left = steps
      const dying: RecordSpace = {
        open: <T>(namespace: string) => {
          const held = records.open<T>(namespace)
          const dies = () => {
            if (left-- <= 0) throw new Error('killed')
          }
          return {
            ...held,
            set: async (name: string, value: T) => {
              dies()
              await held.set(name, value)
            },
            delete: async (name: string) => {
              dies()
              await held.delete(name)
            },
          }
        },
      }
      await replaceBurner(dying, 'fresh').catch(() => undefined)
      const now = await openBurner(records)
      const { aside } = await now.state()
      expect([now.address, ...aside.map((held) => held.address)]).toContain(address)
    }
  })

  it('gives two tabs that start together one account', async () => {
    const records = memoryRecords()
    const [one, other] = await Promise.all([openBurner(records), openBurner(records)])
    expect(one.address).toBe(other.address)
  })

  it('refuses a stored key that was changed', async () => {
    const records: RecordSpace = memoryRecords()
    await openBurner(records)
    const store = records.open<StoredKey>('keys')
    const [[name, stored]] = await store.entries()
    await store.set(name, { ...stored, address: `0x${'11'.repeat(20)}` })
    await expect(openBurner(records)).rejects.toMatchObject({ code: 'burner_damaged' })
  })
})
