// The three-leaf root was computed with viem 2.57 (keccak256 over 0x00 ‖ leaf and 0x01 ‖ left ‖ right), independently of this code.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { leafHash, merkleRoot, merkleTree, proofLength, verifyMerkleProof } from './merkle.ts'
import { toHex, utf8, ZERO_HASH } from './words.ts'

const leavesOf = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 })

describe('merkle', () => {
  it('gives the roots of viem', () => {
    const root = '0xf3c982ec7b7d0523d8cb5cd99ba15c35878f22e7cf09cff9844cb1b56c80eb31'
    expect(merkleRoot([utf8('a'), utf8('bb'), new Uint8Array()])).toBe(root)
    expect(merkleRoot([])).toBe(ZERO_HASH)
    expect(merkleRoot([utf8('a')])).toBe(toHex(leafHash(utf8('a'))))
  })

  it('proves every leaf at its place and nowhere else', () => {
    fc.assert(
      fc.property(leavesOf, fc.nat(), fc.nat(), (leaves, i, j) => {
        const tree = merkleTree(leaves)
        const index = i % leaves.length
        const claim = { root: tree.root, count: leaves.length, index, leaf: leaves[index], proof: tree.proof(index) }
        expect(claim.proof).toHaveLength(proofLength(leaves.length))
        expect(verifyMerkleProof(claim)).toBe(true)
        const other = j % leaves.length
        if (toHex(leaves[other]) !== toHex(claim.leaf)) expect(verifyMerkleProof({ ...claim, leaf: leaves[other] })).toBe(false)
        expect(verifyMerkleProof({ ...claim, leaf: Uint8Array.of(...claim.leaf, 0) })).toBe(false)
        expect(verifyMerkleProof({ ...claim, proof: [...claim.proof, ZERO_HASH] })).toBe(false)
        if (index === 0) expect(verifyMerkleProof({ ...claim, count: leaves.length * 2 + 1 })).toBe(false)
        if (claim.proof.length > 0) expect(verifyMerkleProof({ ...claim, proof: claim.proof.slice(1) })).toBe(false)
      }),
      { numRuns: 60 },
    )
  })

  it('never proves padding or an index outside the count', () => {
    const leaves = ['a', 'b', 'c'].map(utf8)
    const tree = merkleTree(leaves)
    expect(() => tree.proof(3)).toThrow('below 3')
    const proof = [toHex(leafHash(leaves[2])), tree.proof(2)[1]]
    for (const leaf of [new Uint8Array(32), new Uint8Array()]) {
      expect(verifyMerkleProof({ root: tree.root, count: 3, index: 3, leaf, proof })).toBe(false)
    }
    expect(
      verifyMerkleProof({ root: tree.root, count: 3, index: 2, leaf: leaves[2], proof: tree.proof(2).map(() => '0xzz' as const) }),
    ).toBe(false)
  })

  it('moves with any change, swap or removal of a leaf', () => {
    fc.assert(
      fc.property(leavesOf, fc.nat(), (leaves, i) => {
        const root = merkleRoot(leaves)
        const index = i % leaves.length
        expect(merkleRoot(leaves.with(index, Uint8Array.of(...leaves[index], 1)))).not.toBe(root)
        expect(merkleRoot(leaves.slice(0, -1))).not.toBe(root)
        const next = (index + 1) % leaves.length
        const swapped = leaves.with(index, leaves[next]).with(next, leaves[index])
        expect(merkleRoot(swapped) === root).toBe(toHex(leaves[index]) === toHex(leaves[next]))
      }),
      { numRuns: 40 },
    )
  })
})
