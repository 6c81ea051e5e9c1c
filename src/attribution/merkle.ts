// Positional Merkle trees over byte leaves, the same in TypeScript and in `contracts/Merkle.sol`. Not sorted-pair trees:
// the index decides left and right, so a proof also shows *where* a leaf stands, which adjacency proofs need.
// Invariants: leaf hash = keccak(0x00 ‖ leaf), node = keccak(0x01 ‖ left ‖ right), so no node reads as a leaf (RFC 6962 §2.1);
// leaf hashes are padded with zeros to the next power of two; the count is committed beside every root, so padding
// cannot be passed off as a leaf; an empty tree has the zero root; a proof has exactly ceil(log2(count)) siblings.
import { OpenChatError } from '../errors.ts'
import type { Hex } from './types.ts'
import { fromHex, keccak, toHex, ZERO_HASH } from './words.ts'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)
const PADDING = new Uint8Array(32)

export const leafHash = (leaf: Uint8Array): Uint8Array => keccak(LEAF, leaf)
const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => keccak(NODE, left, right)

/** Siblings of a proof in a tree of `count` leaves: ceil(log2(count)), 0 for one leaf or none. */
export function proofLength(count: number): number {
  let depth = 0
  while (2 ** depth < count) depth++
  return depth
}

export interface MerkleTree {
  root: Hex
  count: number
  /** Siblings of leaf `index`, bottom-up. @throws `value_out_of_range` for an index outside the tree. */
  proof(index: number): Hex[]
}

/** The tree over `leaves` (raw leaf bytes, any lengths); 2n hashes once, then proofs are look-ups. */
export function merkleTree(leaves: readonly Uint8Array[]): MerkleTree {
  const count = leaves.length
  const width = 2 ** proofLength(count)
  let level = leaves.map(leafHash)
  while (level.length < width) level.push(PADDING)
  const levels = [level]
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let i = 0; i < level.length; i += 2) above.push(nodeHash(level[i], level[i + 1]))
    levels.push(above)
    level = above
  }
  return {
    root: count === 0 ? ZERO_HASH : toHex(level[0]),
    count,
    proof(index) {
      if (!Number.isInteger(index) || index < 0 || index >= count) {
        throw new OpenChatError('value_out_of_range', `Expected a leaf index below ${count}, got ${index}.`)
      }
      return levels.slice(0, -1).map((hashes, depth) => toHex(hashes[Math.floor(index / 2 ** depth) ^ 1]))
    },
  }
}

/** Root over `leaves`. The caller commits `leaves.length` beside it. */
export const merkleRoot = (leaves: readonly Uint8Array[]): Hex => merkleTree(leaves).root

export interface MerkleClaim {
  root: Hex
  /** Leaves in the tree, as committed beside the root. */
  count: number
  index: number
  leaf: Uint8Array
  proof: readonly Hex[]
}

/** Whether `leaf` stands at `index` of the committed tree. Never throws on a malformed claim: that is a false one. */
export function verifyMerkleProof(claim: MerkleClaim): boolean {
  const { root, count, index, leaf, proof } = claim
  if (!Number.isInteger(index) || index < 0 || index >= count || proof.length !== proofLength(count)) return false
  let hash = leafHash(leaf)
  for (let depth = 0; depth < proof.length; depth++) {
    if (!/^0x[0-9a-f]{64}$/i.test(proof[depth])) return false
    const sibling = fromHex(proof[depth], 32)
    hash = Math.floor(index / 2 ** depth) % 2 === 1 ? nodeHash(sibling, hash) : nodeHash(hash, sibling)
  }
  return toHex(hash) === root.toLowerCase()
}
