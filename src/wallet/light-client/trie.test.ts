import { createMerkleProof, MerklePatriciaTrie } from '@ethereumjs/mpt'
import { bytesToHex } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { keccak, toHex } from '../../attribution/words.ts'
import { encodeRlp } from './rlp.ts'
import { EMPTY_ROOT, verifyTrieProof } from './trie.ts'

const key = (n: number) => Uint8Array.of(n >> 8, n & 255)

async function trieOf(entries: Map<number, Uint8Array>) {
  const trie = new MerklePatriciaTrie({ useKeyHashing: true })
  for (const [n, value] of entries) await trie.put(key(n), value)
  return { root: toHex(trie.root()), prove: (n: number) => createMerkleProof(trie, key(n)) }
}

const entries = fc
  .array(fc.tuple(fc.nat(2000), fc.uint8Array({ minLength: 1, maxLength: 40 })), { maxLength: 60 })
  .map((list) => new Map(list))

describe('trie proofs', () => {
  it('agree with @ethereumjs/mpt on what is there and what is not', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.array(fc.nat(2000), { maxLength: 8 }), async (held, others) => {
        const { root, prove } = await trieOf(held)
        for (const n of [...[...held.keys()].slice(0, 8), ...others]) {
          const value = verifyTrieProof(root, key(n), await prove(n))
          expect(value && bytesToHex(value)).toBe(held.has(n) ? bytesToHex(held.get(n)!) : null)
        }
      }),
      { numRuns: 40 },
    )
  })

  it('hold for nothing else: no changed, dropped, added or swapped node, no other key, gives another value', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(2000), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (held, n, at, where, flip) => {
        const { root, prove } = await trieOf(held.set(7, Uint8Array.of(1)))
        const proof = (await prove(n)).map((node) => node.slice())
        const truth = held.get(n)
        const i = at % proof.length
        const changed = proof.map((node) => node.slice())
        changed[i][where % changed[i].length] ^= flip
        const bent = [
          changed,
          proof.filter((_, j) => j !== i),
          [...proof, proof[i]],
          proof.length > 1 ? proof.toReversed() : [],
          await prove(n + 1),
        ]
        for (const nodes of bent) {
          let value: Uint8Array | null
          try {
            value = verifyTrieProof(root, key(n), nodes)
          } catch (error) {
            expect(['proof_invalid', 'rlp_invalid']).toContain((error as { code: string }).code)
            continue
          }
          expect(value && bytesToHex(value)).toBe(truth ? bytesToHex(truth) : null)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('says that the empty trie holds nothing, and no more than that', () => {
    expect(verifyTrieProof(EMPTY_ROOT, key(1), [])).toBeNull()
    expect(verifyTrieProof(EMPTY_ROOT, key(1), [Uint8Array.of(0x80)])).toBeNull()
    expect(() => verifyTrieProof(EMPTY_ROOT, key(1), [Uint8Array.of(0x81)])).toThrow('goes on after its end')
  })

  it.each([
    ['a branch with one child', Array.from({ length: 17 }, (_, i) => (i === 3 ? keccak(key(1)) : new Uint8Array()))],
    ['a branch with a stunted child', Array.from({ length: 17 }, () => new Uint8Array(31))],
    ['three items', [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)]],
    ['an extension of no length', [Uint8Array.of(0), keccak(key(1))]],
    ['an illegal path prefix', [Uint8Array.of(0x45), keccak(key(1))]],
    ['a padding nibble that is not zero', [Uint8Array.of(0x2f), Uint8Array.of(1)]],
    ['a leaf without a value', [Uint8Array.of(0x20, 1, 2), new Uint8Array()]],
  ])('refuse a node of illegal shape: %s', (_, node) => {
    const bytes = encodeRlp(node)
    expect(() => verifyTrieProof(toHex(keccak(bytes)), key(1), [bytes])).toThrow(expect.objectContaining({ code: 'proof_invalid' }))
  })
})
