// Verifies Merkle-Patricia proofs: what a state or storage trie holds under a key, or that it holds nothing. Not a trie:
// nothing is stored, and nothing is taken from the proof that its root does not bind.
// Invariants: every node given is used, once, in order; each is the preimage of the hash that led to it, in canonical RLP
// and of a legal shape (so absence cannot be forged by a malformed node); the path is that of the key asked for.
// Source: Ethereum yellow paper, appendix D; hex-prefix encoding, appendix C.

import type { Hex } from '../../attribution/types.ts'
import { keccak, toHex } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'
import { decodeRlp, encodeRlp, type Rlp } from './rlp.ts'

/** keccak256(rlp('')): the root of a trie that holds nothing. */
export const EMPTY_ROOT: Hex = '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421'

function refuse(fault: string, depth: number): never {
  throw new OpenChatError('proof_invalid', `The proof does not hold: ${fault} (node ${depth}).`, { meta: { fault, depth } })
}

/** Nibbles of the bytes, high first. */
function nibblesOf(bytes: Uint8Array): Uint8Array {
  return Uint8Array.from({ length: bytes.length * 2 }, (_, i) => (i % 2 ? bytes[i >> 1] & 15 : bytes[i >> 1] >> 4))
}

/** A hex-prefix path: its nibbles, and whether it ends in a leaf. */
function pathOf(encoded: Rlp, depth: number): { nibbles: Uint8Array; leaf: boolean } {
  if (!(encoded instanceof Uint8Array) || encoded.length === 0) return refuse('a path that is not bytes', depth)
  const flag = encoded[0] >> 4
  const odd = (flag & 1) === 1
  if (flag > 3 || (!odd && (encoded[0] & 15) !== 0)) return refuse('a path with an illegal prefix', depth)
  return { nibbles: nibblesOf(encoded).subarray(odd ? 1 : 2), leaf: flag >= 2 }
}

const startsWith = (path: Uint8Array, part: Uint8Array) => part.length <= path.length && part.every((nibble, i) => path[i] === nibble)

function valueBytes(item: Rlp, depth: number): Uint8Array {
  if (!(item instanceof Uint8Array) || item.length === 0) return refuse('an empty or nested value', depth)
  return item
}

/**
 * What the trie under `root` holds at keccak256(`key`).
 * @param proof RLP nodes from the root down, as `eth_getProof` gives them
 * @returns the value's bytes, or null where the trie provably holds nothing
 * @throws `proof_invalid`, `rlp_invalid`
 */
export function verifyTrieProof(root: Hex, key: Uint8Array, proof: readonly Uint8Array[]): Uint8Array | null {
  let path = nibblesOf(keccak(key))
  let used = 0
  const take = (hash: string): Rlp[] => {
    if (used >= proof.length) return refuse('it is cut short', used)
    if (toHex(keccak(proof[used])) !== hash) return refuse('a node is not the one its parent names', used)
    const node = decodeRlp(proof[used++])
    return Array.isArray(node) ? node : refuse('a node that is no list', used)
  }
  const finish = (value: Uint8Array | null) => (used === proof.length ? value : refuse('it goes on after its end', used))

  if (root === EMPTY_ROOT) {
    // Some nodes of the network send the empty trie's one node, others none.
    if (proof.length === 1 && proof[0].length === 1 && proof[0][0] === 0x80) return null
    return finish(null)
  }
  let node = take(root)
  for (;;) {
    let child: Rlp
    if (node.length === 17) {
      checkBranch(node, used)
      if (path.length === 0) return finish(node[16] instanceof Uint8Array && node[16].length > 0 ? node[16] : null)
      child = node[path[0]]
      path = path.subarray(1)
      if (child instanceof Uint8Array && child.length === 0) return finish(null)
    } else if (node.length === 2) {
      const { nibbles, leaf } = pathOf(node[0], used)
      if (leaf) {
        const value = valueBytes(node[1], used)
        return finish(nibbles.length === path.length && startsWith(path, nibbles) ? value : null)
      }
      if (nibbles.length === 0) return refuse('an extension of no length', used)
      checkChild(node[1], used)
      if (!startsWith(path, nibbles)) return finish(null)
      child = node[1]
      path = path.subarray(nibbles.length)
    } else return refuse(`a node of ${node.length} items`, used)
    node = Array.isArray(child) ? child : take(toHex(child))
  }
}

/** A child is the hash of a node, or the node itself when that is shorter than a hash. */
function checkChild(child: Rlp, depth: number): void {
  if (child instanceof Uint8Array ? child.length !== 32 : encodeRlp(child).length >= 32) refuse('a child of the wrong size', depth)
}

function checkBranch(node: Rlp[], depth: number): void {
  let filled = 0
  for (const [i, child] of node.entries()) {
    if (child instanceof Uint8Array && child.length === 0) continue
    filled++
    if (i < 16) checkChild(child, depth)
  }
  if (filled < 2 || Array.isArray(node[16])) refuse('a branch of fewer than two parts', depth)
}
