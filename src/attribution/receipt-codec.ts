// The one canonical encoding of a receipt's content. Not self-describing: the version byte fixes the layout.
// Invariants: decode(encode(c)) = c and encode(decode(b)) = b, so two different byte strings are never the same receipt;
// integers are LEB128 of the fewest bytes; lists carry their length, bounded by the bytes that remain, so a hostile length
// allocates nothing; every truncation and extension is refused, every other change alters the hash.
// Source: attribution.md "Receipt"; LEB128 as in WebAssembly 2.0 §5.2.2, minimal form only.
import { OpenChatError } from '../errors.ts'
import type { ReceiptContent, ReceiptSpan } from './receipt.ts'
import type { Hex } from './types.ts'
import { fromHex, toHex, ZERO_HASH } from './words.ts'

const U32 = 2n ** 32n - 1n
const U64 = 2n ** 64n - 1n
const U256 = 2n ** 256n - 1n

function refuse(sentence: string): never {
  throw new OpenChatError('receipt_invalid', sentence, { action: 'Ask for the receipt file again; it was changed or cut on its way.' })
}

class ByteWriter {
  private readonly bytes: number[] = []

  uint(value: bigint | number, limit: bigint, name: string): void {
    if (typeof value === 'number' && !Number.isSafeInteger(value)) refuse(`${name} is not an integer: ${value}.`)
    let rest = BigInt(value)
    if (rest < 0n || rest > limit) refuse(`${name} is out of range: ${value}.`)
    do {
      const low = Number(rest & 127n)
      rest >>= 7n
      this.bytes.push(rest === 0n ? low : low | 128)
    } while (rest !== 0n)
  }

  fixed(hex: Hex, length: number): void {
    this.bytes.push(...fromHex(hex, length))
  }

  done(): Uint8Array {
    return Uint8Array.from(this.bytes)
  }
}

class ByteReader {
  private at = 0
  private readonly bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  get remaining(): number {
    return this.bytes.length - this.at
  }

  uint(limit: bigint, name: string): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      if (this.remaining === 0) refuse(`The receipt ends inside ${name}.`)
      if (shift > 255n) refuse(`${name} is out of range.`)
      const byte = this.bytes[this.at++]
      if (byte === 0 && shift > 0n) refuse(`${name} is not in its shortest form.`)
      value |= BigInt(byte & 127) << shift
      if (value > limit) refuse(`${name} is out of range.`)
      if (byte < 128) return value
    }
  }

  u32(name: string): number {
    return Number(this.uint(U32, name))
  }

  fixed(length: number, name: string): Hex {
    if (this.remaining < length) refuse(`The receipt ends inside ${name}.`)
    this.at += length
    return toHex(this.bytes.subarray(this.at - length, this.at))
  }

  /** A list whose items take at least `least` bytes each. */
  list<T>(name: string, least: number, item: () => T): T[] {
    const length = this.u32(`the number of ${name}`)
    if (length * least > this.remaining) refuse(`The receipt names ${length} ${name}, more than its bytes can hold.`)
    return Array.from({ length }, item)
  }
}

function checkStructure(content: ReceiptContent): void {
  if (content.version !== 1) refuse(`Receipt version ${content.version} is unknown, expected 1.`)
  if (content.influenceRoot !== ZERO_HASH) refuse('Version 1 carries no influence codes, yet the influence root is not zero.')
  let end = 0
  for (const [i, span] of content.spans.entries()) {
    if (span.start < end || span.length === 0) refuse(`Paid span ${i} is empty, out of order or overlaps the one before it.`)
    end = span.start + span.length
    if (end > content.answerCount) refuse(`Paid span ${i} ends at token ${end} of an answer of ${content.answerCount}.`)
  }
  for (const place of [...content.spans, ...content.retrieved]) {
    if (place.index >= content.indexes.length) refuse(`Index ${place.index} is named, but the receipt lists ${content.indexes.length}.`)
  }
}

/** Canonical bytes of a receipt's content. @throws `receipt_invalid` for a value out of range or a broken structure. */
export function encodeContent(content: ReceiptContent): Uint8Array {
  checkStructure(content)
  const out = new ByteWriter()
  out.uint(content.version, 255n, 'version')
  out.uint(content.chainId, U256, 'chain id')
  out.fixed(content.contract, 20)
  out.fixed(content.payer, 20)
  out.fixed(content.channel, 32)
  out.uint(content.nonce, U64, 'nonce')
  out.fixed(content.model, 32)
  out.uint(content.adapters.length, U32, 'the number of adapters')
  for (const { digest, scale } of content.adapters) {
    out.fixed(digest, 32)
    out.uint(scale, U32, 'adapter scale')
  }
  out.uint(content.indexes.length, U32, 'the number of indexes')
  for (const index of content.indexes) {
    out.uint(index.datanet, U256, 'datanet')
    out.fixed(index.commitment, 32)
    out.uint(index.contributions, U32, 'contributions')
  }
  out.fixed(content.lineageRoot, 32)
  out.uint(content.lineageCount, U32, 'lineage count')
  out.uint(content.retrieved.length, U32, 'the number of passages')
  for (const passage of content.retrieved) {
    for (const field of ['index', 'document', 'start', 'length'] as const) out.uint(passage[field], U32, `passage ${field}`)
  }
  out.fixed(content.parametersHash, 32)
  out.fixed(content.promptRoot, 32)
  out.uint(content.promptCount, U32, 'prompt count')
  out.fixed(content.answerRoot, 32)
  out.uint(content.answerCount, U32, 'answer count')
  out.uint(content.totalSurprisal, U64, 'total surprisal')
  out.uint(content.spans.length, U32, 'the number of spans')
  for (const span of content.spans) {
    for (const field of ['start', 'length', 'index', 'document', 'position', 'count'] as const) out.uint(span[field], U32, `span ${field}`)
    out.uint(span.surprisal, U64, 'span surprisal')
    out.uint(span.amount, U256, 'span amount')
  }
  out.fixed(content.influenceRoot, 32)
  out.uint(content.fee, U256, 'fee')
  out.uint(content.commons, U256, 'commons')
  return out.done()
}

/** The content that exactly these bytes encode. @throws `receipt_invalid` */
export function decodeContent(bytes: Uint8Array): ReceiptContent {
  const input = new ByteReader(bytes)
  const version = Number(input.uint(255n, 'version'))
  if (version !== 1) refuse(`Receipt version ${version} is unknown, expected 1.`)
  // Object literals evaluate in source order, which is the order of the bytes.
  const content: ReceiptContent = {
    version: 1,
    chainId: input.uint(U256, 'chain id'),
    contract: input.fixed(20, 'contract'),
    payer: input.fixed(20, 'payer'),
    channel: input.fixed(32, 'channel'),
    nonce: input.uint(U64, 'nonce'),
    model: input.fixed(32, 'model digest'),
    adapters: input.list('adapters', 33, () => ({ digest: input.fixed(32, 'adapter digest'), scale: input.u32('adapter scale') })),
    indexes: input.list('indexes', 34, () => ({
      datanet: input.uint(U256, 'datanet'),
      commitment: input.fixed(32, 'index commitment'),
      contributions: input.u32('contributions'),
    })),
    lineageRoot: input.fixed(32, 'lineage root'),
    lineageCount: input.u32('lineage count'),
    retrieved: input.list('passages', 4, () => ({
      index: input.u32('passage index'),
      document: input.u32('passage document'),
      start: input.u32('passage start'),
      length: input.u32('passage length'),
    })),
    parametersHash: input.fixed(32, 'parameters hash'),
    promptRoot: input.fixed(32, 'prompt root'),
    promptCount: input.u32('prompt count'),
    answerRoot: input.fixed(32, 'answer root'),
    answerCount: input.u32('answer count'),
    totalSurprisal: input.uint(U64, 'total surprisal'),
    spans: input.list('spans', 8, () => readSpan(input)),
    influenceRoot: input.fixed(32, 'influence root'),
    fee: input.uint(U256, 'fee'),
    commons: input.uint(U256, 'commons'),
  }
  if (input.remaining > 0) refuse(`${input.remaining} bytes follow the end of the receipt.`)
  checkStructure(content)
  return content
}

function readSpan(input: ByteReader): ReceiptSpan {
  return {
    start: input.u32('span start'),
    length: input.u32('span length'),
    index: input.u32('span index'),
    document: input.u32('span document'),
    position: input.u32('span position'),
    count: input.u32('span count'),
    surprisal: input.uint(U64, 'span surprisal'),
    amount: input.uint(U256, 'span amount'),
  }
}
