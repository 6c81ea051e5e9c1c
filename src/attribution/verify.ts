// "Verify here": everything a receipt claims, checked again on the reader's machine, as an ordered list of independent steps.
// Not a light client (chain values arrive proven, through a port) and not a judge of intent.
// Invariants: each step judges one claim and takes every other field as stated, so one lie turns exactly one step red; `failed`
// is said only of a contradiction, `unknown` of what could not be checked here; nothing is taken from a server's word.
// Source: attribution.md "Proofs", architecture.md "What is public"; docs/verify.md explains each step to people.
import { asOpenChatError } from '../errors.ts'
import type { Contribution } from './contributions.ts'
import type { AttributionParameters } from './parameters.ts'
import type { Lineage, ReceiptDomain, ReceiptHeader } from './receipt.ts'
import type { Line } from './receipt-shares.ts'
import type { SpanRules } from './spans.ts'
import type { SearchedIndex } from './tracer.ts'
import type { Hex, Utterance } from './types.ts'
import { Facts } from './verify-facts.ts'
import { formSteps } from './verify-form.ts'
import { paySteps } from './verify-pay.ts'
import { sourceSteps } from './verify-sources.ts'
import { spanSteps } from './verify-spans.ts'

/** A receipt as its owner keeps it; without `owner`, what the public sees. */
export interface OwnerReceipt {
  header: ReceiptHeader
  /** Canonical content bytes. */
  content: Uint8Array
  signature: Hex
  owner?: {
    answer: string
    /** The visitor's own words, as they were traced. */
    prompt: string
    salt: Hex
    /** What the model was given and drew; absent in receipts of other engines and of early versions of the page. */
    said?: Utterance
  }
}

/** A chain value with how far it is proven; filled by the light client. */
export interface Proven<T> {
  value: T
  assurance: { level: string; label: string }
}

export interface PostedBatch {
  batch: number
  linesRoot: Hex
  lineCount: number
}

export interface ChainValues {
  parametersHash(): Promise<Proven<Hex>>
  headAt(datanet: bigint, contributions: number): Promise<Proven<Hex>>
  /** The batch that holds a receipt; null when none does. */
  batchOf(receiptId: Hex): Promise<Proven<PostedBatch | null>>
  /** A line and its place, on a validator's word: the step checks it against the batch's root. Null when nobody has it. */
  lineOf(batch: number, account: Hex, receiptId: Hex): Promise<{ line: Line; index: number; proof: Hex[] } | null>
}

/** An index with the contributions that its commitment is the head of. */
export interface VerifiableIndex extends Pick<SearchedIndex, 'index' | 'documents'> {
  chained: readonly Contribution[]
}

export interface VerifyContext {
  /** The chain and contract that this page works with. */
  domain: ReceiptDomain
  parameters: AttributionParameters
  boundaries: Pick<SpanRules, 'delimiters' | 'wordStart'>
  /** Ids of a text under the index tokeniser, NFC first. */
  tokenise(text: string): ArrayLike<number> | Promise<ArrayLike<number>>
  /** Address that signed a digest. */
  recover(digest: Hex, signature: Hex): Promise<Hex>
  /** Name of a registered backbone; null for an unknown digest. */
  modelName(digest: Hex): string | null
  /** Registered lineage of an adapter; null for an unknown digest. */
  lineageOf(adapter: Hex): readonly Lineage[] | null
  /** The first `contributions` contributions of a datanet, indexed on this machine; null when it is not here. */
  indexAt(datanet: string, contributions: number): Promise<VerifiableIndex | null>
  /** Null where no chain is reachable. */
  chain: ChainValues | null
}

export interface StepFinding {
  status: 'ok' | 'failed' | 'unknown'
  /** One sentence for people. */
  detail: string
  expected?: string
  got?: string
  /** Chain values this step relied on. */
  values?: { name: string; value: string; assurance: { level: string; label: string } }[]
}

export interface VerifyStepDefinition {
  id: string
  title: string
  /** public: anyone can check it; owner: needs the prompt, the answer and the salt. */
  level: 'public' | 'owner'
  check(facts: Facts): StepFinding | Promise<StepFinding>
}

export interface StepReport extends Omit<StepFinding, 'status'> {
  id: string
  title: string
  level: 'public' | 'owner'
  /** `pending` is announced before a step runs; the same id comes again with its outcome. */
  status: StepFinding['status'] | 'pending'
  ms: number
}

/** Every step, in the order they are run and shown. */
export const verifySteps: readonly VerifyStepDefinition[] = [...formSteps, ...sourceSteps, ...spanSteps, ...paySteps]

/**
 * Runs every step over a receipt: each is announced as `pending`, then comes with its outcome. A step that cannot be run says
 * why and is `unknown`. @throws AbortError when `signal` is aborted between steps
 */
export async function* verifyReceipt(receipt: OwnerReceipt, context: VerifyContext, signal?: AbortSignal): AsyncGenerator<StepReport> {
  const facts = new Facts(receipt, context)
  for (const { id, title, level, check } of verifySteps) {
    signal?.throwIfAborted()
    yield { id, title, level, status: 'pending', detail: '', ms: 0 }
    const started = performance.now()
    const finding = await judge(facts, level, check)
    yield { id, title, level, ...finding, ms: performance.now() - started }
  }
}

async function judge(facts: Facts, level: 'public' | 'owner', check: VerifyStepDefinition['check']): Promise<StepFinding> {
  if (level === 'owner' && facts.receipt.owner === undefined) {
    return { status: 'unknown', detail: 'Only who holds the prompt, the answer and the salt can check this.' }
  }
  try {
    return await check(facts)
  } catch (error) {
    const { code, shortMessage } = asOpenChatError(error)
    return { status: 'unknown', detail: `Not checked: ${shortMessage} (${code})` }
  }
}
