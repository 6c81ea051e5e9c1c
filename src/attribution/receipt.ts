// What a receipt is, and the 32 bytes that stand for it: EIP-712 header, receipt id, digest to sign, salted token roots.
// Not its bytes (receipt-codec.ts), not the shares (receipt-shares.ts), not a signature: keys live in the wallet.
// Invariants: the header is what a contract sees; the content is bound to it by `content`; no float, no clock, no text.
// Source: EIP-712 (hashStruct, domain separator); attribution.md "Receipt".
import { concatBytes } from '@noble/hashes/utils.js'
import { merkleRoot } from './merkle.ts'
import type { Hex } from './types.ts'
import { addressWord, fromHex, hashWord, keccak, toHex, uintBytes, uintWord, utf8 } from './words.ts'

/** The signed struct: `Receipt(address payer,bytes32 channel,uint64 nonce,bytes32 content,bytes32 sharesRoot,uint32 shareCount,uint256 fee)`. */
export interface ReceiptHeader {
  payer: Hex
  /** Payment channel; zero while payers pay from their deposit. */
  channel: Hex
  nonce: bigint
  /** keccak256 of the canonical content bytes. */
  content: Hex
  sharesRoot: Hex
  shareCount: number
  /** wei */
  fee: bigint
}

/** Where a receipt can be posted: the chain and its `Attributions` contract. */
export interface ReceiptDomain {
  chainId: bigint
  contract: Hex
}

export interface ReceiptSpan {
  /** First answer token (index tokeniser) and number of tokens. */
  start: number
  length: number
  /** Which of `ReceiptContent.indexes`. */
  index: number
  document: number
  /** Token position within that document. */
  position: number
  /** Occurrences over all indexes. */
  count: number
  /** Q16.16 bits */
  surprisal: bigint
  /** wei */
  amount: bigint
}

export interface ReceiptContent {
  version: 1
  chainId: bigint
  contract: Hex
  payer: Hex
  channel: Hex
  nonce: bigint
  /** sha256 of the backbone's file. */
  model: Hex
  /** `scale` Q16.16. */
  adapters: { digest: Hex; scale: number }[]
  /** Datanet, its head_n and n. */
  indexes: { datanet: bigint; commitment: Hex; contributions: number }[]
  /** Merkle root over {@link lineageLeaf} of every adapter used, and the number of leaves. */
  lineageRoot: Hex
  lineageCount: number
  /** Passages put into the prompt; tokens within the document. */
  retrieved: { index: number; document: number; start: number; length: number }[]
  parametersHash: Hex
  promptRoot: Hex
  promptCount: number
  answerRoot: Hex
  answerCount: number
  /** Q16.16 bits of the whole answer, paid or not. */
  totalSurprisal: bigint
  /** By `start`, without overlap. */
  spans: ReceiptSpan[]
  /** Root of the influence codes; zero in version 1. */
  influenceRoot: Hex
  /** wei */
  fee: bigint
  /** The part of the fee that no span explains, paid to the commons, in wei. */
  commons: bigint
}

const RECEIPT_TYPE = 'Receipt(address payer,bytes32 channel,uint64 nonce,bytes32 content,bytes32 sharesRoot,uint32 shareCount,uint256 fee)'
export const DOMAIN_NAME = 'Open Chat'
export const DOMAIN_VERSION = '1'

/** EIP-712 types, for wallets that sign typed data themselves. */
export const RECEIPT_TYPES = {
  Receipt: [
    { name: 'payer', type: 'address' },
    { name: 'channel', type: 'bytes32' },
    { name: 'nonce', type: 'uint64' },
    { name: 'content', type: 'bytes32' },
    { name: 'sharesRoot', type: 'bytes32' },
    { name: 'shareCount', type: 'uint32' },
    { name: 'fee', type: 'uint256' },
  ],
} as const

/** EIP-712 hashStruct of the header: names the receipt everywhere, on chain and off. */
export function receiptId(header: ReceiptHeader): Hex {
  return toHex(
    keccak(
      keccak(utf8(RECEIPT_TYPE)),
      addressWord(header.payer),
      hashWord(header.channel),
      uintWord(header.nonce, 64),
      hashWord(header.content),
      hashWord(header.sharesRoot),
      uintWord(header.shareCount, 32),
      uintWord(header.fee),
    ),
  )
}

function domainSeparator(domain: ReceiptDomain): Hex {
  return toHex(
    keccak(
      keccak(utf8('EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)')),
      keccak(utf8(DOMAIN_NAME)),
      keccak(utf8(DOMAIN_VERSION)),
      uintWord(domain.chainId),
      addressWord(domain.contract),
    ),
  )
}

/** The 32 bytes that are signed: keccak256(0x1901 ‖ domainSeparator ‖ receiptId). */
export function typedDataDigest(header: ReceiptHeader, domain: ReceiptDomain): Hex {
  return toHex(keccak(Uint8Array.of(0x19, 0x01), hashWord(domainSeparator(domain)), hashWord(receiptId(header))))
}

export const contentHash = (content: Uint8Array): Hex => toHex(keccak(content))

/** Leaf i of a salted root: keccak(keccak(salt ‖ domain ‖ u32 BE i) ‖ u32 BE token). One leaf opens without the others. */
function saltedLeaf(salt: Hex, domain: 'prompt' | 'answer', i: number, token: number): Uint8Array {
  return keccak(keccak(fromHex(salt, 32), utf8(domain), uintBytes(i, 4)), uintBytes(token, 4))
}

/** Merkle root over the salted leaves of `tokens`: hides them, and binds their order and number. */
export function saltedRoot(salt: Hex, domain: 'prompt' | 'answer', tokens: ArrayLike<number>): Hex {
  return merkleRoot(Array.from(tokens, (token, i) => saltedLeaf(salt, domain, i, token)))
}

/** One step of an adapter's lineage: it was trained on the first `contributions` contributions of `datanet`. */
export interface Lineage {
  adapter: Hex
  datanet: bigint
  contributions: number
}

/** abi-like: digest 32 ‖ uint256 datanet ‖ uint32 BE contributions. */
function lineageLeaf(lineage: Lineage): Uint8Array {
  return concatBytes(hashWord(lineage.adapter), uintWord(lineage.datanet), uintBytes(lineage.contributions, 4))
}

/** Root over the lineage of the adapters used, in the order given (adapter order, then registration order). */
export const lineageRoot = (lineage: readonly Lineage[]): Hex => merkleRoot(lineage.map(lineageLeaf))
