// A receipt as the file that people keep, send and verify: JSON with hex and decimal strings. Not canonical and not signed: what
// counts is inside. Invariant: parse(write(r)) = r; anything else is `receipt_invalid`.
import { OpenChatError } from '../errors.ts'
import type { Hex } from './types.ts'
import { parseUtterance } from './utterance.ts'
import type { OwnerReceipt } from './verify.ts'
import { fromHex, toHex } from './words.ts'

/** JSON text of a receipt; the owner's parts go along when they are there. */
export function writeReceiptFile({ header, content, signature, owner }: OwnerReceipt): string {
  const plain = { ...header, nonce: String(header.nonce), fee: String(header.fee) }
  return `${JSON.stringify({ receipt: 1, header: plain, content: toHex(content), signature, owner }, null, 1)}\n`
}

/** Characters of a receipt file; one of an answer that fills a context of 128k tokens stays below. */
const LONGEST = 5_000_000
const ACTION = 'Choose a file that “Save the receipt” wrote.'

/** @throws receipt_invalid */
export function parseReceiptFile(text: string): OwnerReceipt {
  if (text.length > LONGEST) {
    throw new OpenChatError('receipt_invalid', `This is no receipt file: none has more than ${LONGEST} characters.`, {
      meta: { characters: text.length, limit: LONGEST },
      action: ACTION,
    })
  }
  try {
    const file = object(JSON.parse(text))
    if (file.receipt !== 1) throw new TypeError(`version ${String(file.receipt)}`)
    const header = object(file.header)
    const receipt: OwnerReceipt = {
      header: {
        payer: hex(header.payer, 20),
        channel: hex(header.channel, 32),
        nonce: uint(header.nonce, 64),
        content: hex(header.content, 32),
        sharesRoot: hex(header.sharesRoot, 32),
        shareCount: Number(uint(String(header.shareCount), 32)),
        fee: uint(header.fee, 256),
      },
      content: fromHex(string(file.content)),
      signature: hex(file.signature, 65),
    }
    if (file.owner === undefined) return receipt
    const owner = object(file.owner)
    const parts = { answer: string(owner.answer), prompt: string(owner.prompt), salt: hex(owner.salt, 32) }
    return { ...receipt, owner: { ...parts, ...(owner.said === undefined ? {} : { said: parseUtterance(owner.said) }) } }
  } catch (cause) {
    throw new OpenChatError('receipt_invalid', 'This is not a receipt file of Open Chat.', {
      action: ACTION,
      cause,
    })
  }
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
  return value as Record<string, unknown>
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('not a string')
  return value
}

/** A decimal number of at most so many bits, as {@link writeReceiptFile} writes it. */
function uint(value: unknown, bits: number): bigint {
  const digits = string(value)
  if (!/^(?:0|[1-9]\d{0,77})$/.test(digits) || BigInt(digits) >> BigInt(bits) !== 0n) throw new TypeError(`not of ${bits} bits`)
  return BigInt(digits)
}

const hex = (value: unknown, bytes: number): Hex => toHex(fromHex(string(value), bytes))
