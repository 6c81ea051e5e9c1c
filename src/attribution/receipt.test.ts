// Receipt id, digest and leaf bytes marked "viem" were computed with viem 2.57, independently of this code.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verifyMerkleProof } from './merkle.ts'
import { contentHash, type ReceiptContent, type ReceiptHeader, receiptId, saltedRoot, typedDataDigest } from './receipt.ts'
import { decodeContent, encodeContent } from './receipt-codec.ts'
import { aggregateShares, batchLines, lineLeaf, linesTree, shareLeaf, sharesRoot } from './receipt-shares.ts'
import type { Hex } from './types.ts'
import { toHex, ZERO_HASH } from './words.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const account = (byte: string): Hex => `0x${byte.repeat(20)}`
const header: ReceiptHeader = {
  payer: account('ab'),
  channel: ZERO_HASH,
  nonce: 5n,
  content: hash('04'),
  sharesRoot: hash('05'),
  shareCount: 2,
  fee: 10n ** 15n,
}

const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toHex)
const bytes20 = fc.uint8Array({ minLength: 20, maxLength: 20 }).map(toHex)
const u32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const small = fc.integer({ min: 0, max: 300 })
const u256 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n })
const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const contents: fc.Arbitrary<ReceiptContent> = fc
  .record({
    version: fc.constant(1 as const),
    chainId: u64,
    contract: bytes20,
    payer: bytes20,
    channel: bytes32,
    nonce: u64,
    model: bytes32,
    adapters: fc.array(fc.record({ digest: bytes32, scale: u32 }), { maxLength: 2 }),
    indexes: fc.array(fc.record({ datanet: u256, commitment: bytes32, contributions: u32 }), { minLength: 1, maxLength: 2 }),
    lineageRoot: bytes32,
    lineageCount: u32,
    retrieved: fc.array(fc.record({ index: fc.constant(0), document: u32, start: u32, length: u32 }), { maxLength: 2 }),
    parametersHash: bytes32,
    promptRoot: bytes32,
    promptCount: u32,
    answerRoot: bytes32,
    gaps: fc.array(
      fc.record({
        gap: small,
        length: fc.integer({ min: 1, max: 300 }),
        document: u32,
        position: u32,
        count: u32,
        surprisal: u64,
        amount: u256,
      }),
      {
        maxLength: 3,
      },
    ),
    totalSurprisal: u64,
    influenceRoot: fc.constant(ZERO_HASH),
    fee: u256,
    commons: u256,
  })
  .map(({ gaps, ...rest }) => {
    let end = 0
    const spans = gaps.map(({ gap, ...span }) => {
      const start = end + gap
      end = start + span.length
      return { ...span, start, index: 0 }
    })
    return { ...rest, spans, answerCount: end + 7 }
  })

describe('receipt codec', () => {
  it('decodes what it encodes, and only that', () => {
    fc.assert(
      fc.property(contents, (content) => {
        expect(decodeContent(encodeContent(content))).toEqual(content)
      }),
      { numRuns: 60 },
    )
  })

  it('refuses every truncation and extension; any other byte change is refused or is another receipt', () => {
    fc.assert(
      fc.property(contents, fc.nat(), fc.integer({ min: 1, max: 255 }), (content, at, flip) => {
        const bytes = encodeContent(content)
        expect(() => decodeContent(bytes.slice(0, at % bytes.length))).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
        expect(() => decodeContent(Uint8Array.of(...bytes, flip))).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
        const changed = bytes.slice()
        changed[at % bytes.length] ^= flip
        expect(contentHash(changed)).not.toBe(contentHash(bytes))
        try {
          expect(encodeContent(decodeContent(changed))).toEqual(changed)
        } catch (error) {
          expect(error).toMatchObject({ code: 'receipt_invalid' })
        }
      }),
      { numRuns: 150 },
    )
  })

  it('refuses noise with a typed error and without large allocations', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (noise) => {
        expect(() => decodeContent(noise)).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
        expect(() => decodeContent(Uint8Array.of(1, ...noise.subarray(0, 200)))).toThrow(
          expect.objectContaining({ code: 'receipt_invalid' }),
        )
      }),
    )
    const [content] = fc.sample(contents, { numRuns: 1, seed: 3 })
    expect(() => decodeContent(Uint8Array.of(0x81, 0, ...encodeContent(content).subarray(1)))).toThrow(
      'version is not in its shortest form',
    )
    expect(() => decodeContent(Uint8Array.of(1, ...new Uint8Array(100_000).fill(128)))).toThrow('chain id is out of range')
  })

  it('refuses overlapping spans, spans beyond the answer and unlisted indexes', () => {
    const [content] = fc.sample(contents, { numRuns: 1, seed: 7 })
    const span = { start: 0, length: 8, index: 0, document: 0, position: 0, count: 1, surprisal: 1n, amount: 1n }
    const refused = (change: Partial<ReceiptContent>, why: string) =>
      expect(() => encodeContent({ ...content, answerCount: 20, ...change })).toThrow(why)
    refused({ spans: [span, { ...span, start: 7 }] }, 'overlaps')
    refused({ spans: [{ ...span, start: 13 }] }, 'ends at token 21')
    refused({ spans: [{ ...span, index: 9 }] }, 'Index 9')
    refused({ influenceRoot: hash('01') }, 'influence')
  })
})

describe('receipt ids', () => {
  it('are those of EIP-712 (viem)', () => {
    expect(receiptId(header)).toBe('0x0625f1b3809e2054a8820f03063789cacea5532251e3b300484fbb72a1eebe63')
    expect(typedDataDigest(header, { chainId: 42069n, contract: account('cd') })).toBe(
      '0x7015a6e507c23903ae970b8d98669df82247834f01e7cd1235aeb7c6d84dcb2c',
    )
  })

  it('salted roots hide tokens and bind order, domain and salt', () => {
    const root = saltedRoot(hash('01'), 'answer', [5, 6, 7])
    const others = [
      saltedRoot(hash('02'), 'answer', [5, 6, 7]),
      saltedRoot(hash('01'), 'prompt', [5, 6, 7]),
      saltedRoot(hash('01'), 'answer', [6, 5, 7]),
    ]
    expect(new Set([root, ...others]).size).toBe(4)
  })
})

describe('shares and lines', () => {
  const payments = fc.array(
    fc.record({ account: fc.constantFrom(account('0a'), account('0B'), account('0c')), amount: fc.bigInt({ min: 0n, max: 99n }) }),
    {
      maxLength: 9,
    },
  )

  it('encode like Solidity abi.encode (viem)', () => {
    const word = (hex: string) => hex.padStart(64, '0')
    expect(toHex(shareLeaf(account('ab'), 7n, 9n))).toBe(`0x${word('ab'.repeat(20))}${word('7')}${word('9')}`)
    const line = { account: account('ab'), receiptId: hash('06'), amount: 7n, runningTotal: 9n }
    expect(toHex(lineLeaf(line))).toBe(`0x${word('ab'.repeat(20))}${'06'.repeat(32)}${word('7')}${word('9')}`)
  })

  it('add up per account, whatever the order', () => {
    fc.assert(
      fc.property(payments, (list) => {
        const shares = aggregateShares(list)
        const sum = list.reduce((total, { amount }) => total + amount, 0n)
        expect(shares.reduce((total, { amount }) => total + amount, 0n)).toBe(sum)
        expect(aggregateShares([...list].reverse())).toEqual(shares)
        expect(sharesRoot(shares, sum)).toMatch(/^0x/)
        expect(() => sharesRoot(shares, sum + 1n)).toThrow('sum to')
        if (shares.length > 1) expect(() => sharesRoot([...shares].reverse(), sum)).toThrow('out of order')
      }),
    )
  })

  it('lines are sorted, restart per account, and each is proven', () => {
    const receipts = ['03', '01', '02'].map((byte) => ({
      id: hash(byte),
      shares: [
        { account: account('0a'), amount: 5n },
        { account: account(`1${byte[1]}`), amount: 2n },
      ],
    }))
    const lines = batchLines(receipts)
    expect(lines.map((line) => [line.account.slice(2, 4), line.receiptId.slice(2, 4), line.runningTotal])).toEqual([
      ['0a', '01', 5n],
      ['0a', '02', 10n],
      ['0a', '03', 15n],
      ['11', '01', 2n],
      ['12', '02', 2n],
      ['13', '03', 2n],
    ])
    const tree = linesTree(lines)
    for (const [index, line] of lines.entries()) {
      expect(verifyMerkleProof({ root: tree.root, count: 6, index, leaf: lineLeaf(line), proof: tree.proof(index) })).toBe(true)
    }
  })
})
