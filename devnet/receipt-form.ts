// A signed receipt as JSON: what a page posts to a validator, what a validator keeps, what a batch's bundle on DA holds.
// Not the canonical content (attribution/receipt-codec.ts): it travels inside as hex. Integers travel as decimal strings.
// Invariant: what parses has every field of the right type and size; whether it is true is checked elsewhere.
import * as v from 'valibot'
import { contentHash, type ReceiptContent, type ReceiptHeader, receiptId } from '../src/attribution/receipt.ts'
import { decodeContent } from '../src/attribution/receipt-codec.ts'
import type { Hex, Share } from '../src/attribution/types.ts'
import { fromHex } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'

export interface SignedForm {
  id: Hex
  header: ReceiptHeader
  /** Canonical bytes. */
  content: Hex
  signature: Hex
}

/** A receipt that was checked, with the shares that its content gives. */
export interface CheckedForm extends SignedForm {
  shares: Share[]
}

const hex = (bytes: number) =>
  v.pipe(
    v.string(),
    v.regex(new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`)),
    v.transform((text) => text.toLowerCase() as Hex),
  )
const bytes = v.pipe(
  v.string(),
  v.maxLength(2 ** 20),
  v.regex(/^0x([0-9a-fA-F]{2})+$/),
  v.transform((text) => text.toLowerCase() as Hex),
)
const integer = (bits: number) =>
  v.pipe(
    v.string(),
    v.regex(/^(0|[1-9][0-9]{0,77})$/),
    v.transform((text): bigint => BigInt(text)),
    v.check((value: bigint) => value >> BigInt(bits) === 0n),
  )

const header = v.object({
  payer: hex(20),
  channel: hex(32),
  nonce: integer(64),
  content: hex(32),
  sharesRoot: hex(32),
  shareCount: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffffffff)),
  fee: integer(256),
})
const signed = v.object({ header, content: bytes, signature: hex(65) })
const checked = v.object({ ...signed.entries, shares: v.array(v.object({ account: hex(20), amount: integer(256) })) })

/** @throws `receipt_invalid` naming the first field that is wrong */
export const parseSigned = (value: unknown): SignedForm => identify(parse(signed, value))
export const parseChecked = (value: unknown): CheckedForm => identify(parse(checked, value))

function parse<T extends v.GenericSchema>(schema: T, value: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const path = v.getDotPath(issue) ?? 'the receipt'
  throw new OpenChatError('receipt_invalid', `${path} is malformed: ${issue.message}.`, { meta: { field: path } })
}

const identify = <T extends { header: ReceiptHeader }>(form: T): T & { id: Hex } => ({ ...form, id: receiptId(form.header) })

/** The content, decoded, if its bytes are those the header commits to. @throws `receipt_invalid` */
export function contentOf(form: SignedForm): ReceiptContent {
  const raw = fromHex(form.content)
  const got = contentHash(raw)
  if (got !== form.header.content) {
    throw new OpenChatError('receipt_invalid', `The content hashes to ${got}, the header says ${form.header.content}.`, {
      meta: { field: 'content', got, expected: form.header.content },
    })
  }
  return decodeContent(raw)
}

/** The form as JSON text. */
export const formText = (form: object): string =>
  JSON.stringify(form, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
