import { recoverAddress } from 'viem'
import { describe, expect, it } from 'vitest'
import { type ReceiptHeader, receiptId, typedDataDigest } from '../attribution/receipt.ts'
import type { Hex } from '../attribution/types.ts'
import { memoryRecords, type RecordSpace } from '../storage/records.ts'
import { openBurner, type StoredKey } from './burner.ts'
import { recoverSigner } from './chain-values.ts'

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
    const key = Buffer.from(plain).toString('hex')
    expect(key).toMatch(/^[0-9a-f]{64}$/)
    for (const held of contents(stored)) expect(held.toLowerCase()).not.toContain(key)
  })

  it('opens with the right passphrase only', async () => {
    const records = memoryRecords()
    const { address } = await openBurner(records, 'correct horse')
    expect((await openBurner(records, 'correct horse')).address).toBe(address)
    await expect(openBurner(records, 'wrong horse')).rejects.toMatchObject({ code: 'burner_locked' })
    await expect(openBurner(records)).rejects.toMatchObject({ code: 'burner_locked' })
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
