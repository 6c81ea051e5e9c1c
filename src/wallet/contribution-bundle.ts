// A contribution's texts as they are published on data availability: JSON in UTF-8, so that a person can read what became
// public. Not the tokens: they follow from the text, and whoever tokenises it checks them against the contribution's root.
// Invariant: the bytes are a function of the documents, so the same contribution has one commitment.
import * as v from 'valibot'
import type { DocumentFacts } from '../attribution/contributions.ts'
import { utf8 } from '../attribution/words.ts'
import { OpenChatError } from '../errors.ts'

export interface BundledDocument {
  facts: DocumentFacts
  /** Clean text, NFC. */
  text: string
}

const schema = v.object({
  version: v.literal(1),
  documents: v.pipe(
    v.array(
      v.strictObject({
        author: v.string(),
        licence: v.string(),
        title: v.string(),
        year: v.nullable(v.pipe(v.number(), v.safeInteger())),
        text: v.string(),
      }),
    ),
    v.minLength(1),
  ),
})

export function encodeBundle(documents: readonly BundledDocument[]): Uint8Array {
  const plain = documents.map(({ facts: { author, licence, title, year }, text }) => ({ author, licence, title, year, text }))
  return utf8(JSON.stringify({ version: 1, documents: plain }))
}

/** @throws `bundle_invalid` */
export function decodeBundle(bytes: Uint8Array): BundledDocument[] {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    throw invalid('it is not JSON', cause)
  }
  const parsed = v.safeParse(schema, value)
  if (!parsed.success) throw invalid(`${v.getDotPath(parsed.issues[0]) ?? 'the whole'}: ${parsed.issues[0].message}`)
  return parsed.output.documents.map(({ text, ...facts }) => ({ facts, text }))
}

function invalid(reason: string, cause?: unknown): OpenChatError {
  return new OpenChatError('bundle_invalid', `The published bytes are no contribution: ${reason}.`, { meta: { reason }, cause })
}
