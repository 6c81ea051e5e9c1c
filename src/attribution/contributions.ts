// What a contribution commits to, and the chain of heads over a datanet's contributions. Not the contract (`Datanets`
// keeps the same hashes), not the store of texts.
// Invariants: the suffix array is a unique function of the documents, so **the index commitment of a datanet is head_n**;
// a document's leaf binds its tokens and its declared author, licence, title and year; every field has one encoding.
// Source: attribution.md "Verbatim: index", chain.md "Contracts".
import { concatBytes } from '@noble/hashes/utils.js'
import { merkleRoot } from './merkle.ts'
import type { Hex } from './types.ts'
import { addressWord, fromHex, hashWord, keccak, toHex, uintBytes, uintWord, utf8, ZERO_HASH } from './words.ts'

/** What is declared of a document, beside its tokens. */
export interface DocumentFacts {
  author: string
  licence: string
  title: string
  year: number | null
}

/** One contribution as `Datanets` hashes it. */
export interface Contribution {
  datanet: bigint
  /** Position within the datanet, 0-based. */
  index: number
  author: Hex
  /** Merkle root over its documents, in order. */
  root: Hex
  documents: number
  /** Tokens of all its documents, separators excluded. */
  tokens: number
  /** keccak256 of the licence's name. */
  licence: Hex
  /** keccak256 of the data-availability commitment, zero when the text is served from elsewhere. */
  daCommitmentHash: Hex
  /** The contract's global counter of commits: smaller is earlier. */
  order: number
}

/** keccak256 of the tokens as u16 little-endian, the bytes they have in `tokenized.s`. */
function tokensHash(tokens: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * tokens.length)
  for (let i = 0; i < tokens.length; i++) {
    bytes[2 * i] = tokens[i] & 255
    bytes[2 * i + 1] = tokens[i] >> 8
  }
  return keccak(bytes)
}

/** JSON with exactly these four keys in this order and no spaces, UTF-8. */
export function canonicalFacts(facts: DocumentFacts): Uint8Array {
  return utf8(JSON.stringify({ author: facts.author, licence: facts.licence, title: facts.title, year: facts.year }))
}

/** Leaf of a document: keccak(tokens) ‖ keccak(facts) ‖ u32 BE token count, 68 bytes. */
function documentLeaf(tokens: Uint16Array, facts: DocumentFacts): Uint8Array {
  return concatBytes(tokensHash(tokens), keccak(canonicalFacts(facts)), uintBytes(tokens.length, 4))
}

/** Root of a contribution over its documents, in order. */
export function contributionRoot(documents: readonly { tokens: Uint16Array; facts: DocumentFacts }[]): Hex {
  return merkleRoot(documents.map((document) => documentLeaf(document.tokens, document.facts)))
}

/** keccak256 of a name, as licences are committed. */
export const nameHash = (name: string): Hex => toHex(keccak(utf8(name)))

/**
 * keccak256(abi.encode(uint256 datanet, uint256 index, address author, bytes32 root, uint32 documents, uint64 tokens,
 * bytes32 licence, bytes32 daCommitmentHash, uint64 order)).
 */
export function contributionHash(contribution: Contribution): Hex {
  return toHex(
    keccak(
      uintWord(contribution.datanet),
      uintWord(contribution.index),
      addressWord(contribution.author),
      hashWord(contribution.root),
      uintWord(contribution.documents, 32),
      uintWord(contribution.tokens, 64),
      hashWord(contribution.licence),
      hashWord(contribution.daCommitmentHash),
      uintWord(contribution.order, 64),
    ),
  )
}

/** head_{n+1} = keccak256(head_n ‖ contributionHash). */
export function nextHead(head: Hex, hash: Hex): Hex {
  return toHex(keccak(fromHex(head, 32), fromHex(hash, 32)))
}

/** head_n of the first n = `contributions.length` contributions; head_0 is zero. */
export function contributionsHead(contributions: readonly Contribution[]): Hex {
  return contributions.reduce((head, contribution) => nextHead(head, contributionHash(contribution)), ZERO_HASH)
}
