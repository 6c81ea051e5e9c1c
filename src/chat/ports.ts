// The three ports of one answer: Engine, Tracer, Ledger. chat/ is written against these alone; the page fills them
// in ui/main.ts (workers), Node in scripts/node-ports.ts, tests with fakes of 30 lines.
import type { Hex, Passage, Retrieval, Trace, Utterance } from '../attribution/types.ts'

export interface ChatMessage {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** The OpenAI chat-completions request, in the part of it that `@mlc-ai/web-llm` also speaks, plus some fields of ours. */
export interface ChatRequest {
  messages: ChatMessage[]
  max_tokens: number
  temperature: number
  top_p?: number
  top_k?: number
  min_p?: number
  repetition_penalty?: number
  presence_penalty?: number
  frequency_penalty?: number
  /** By token id. */
  logit_bias?: Record<string, number>
  /** The shape the answer is held to: OpenAI's two, and web-llm's `grammar`. Not every engine can. */
  response_format?: ResponseFormat
  seed?: number
  stop?: string[]
  /** Digest of a loaded adapter, or null for the backbone alone. */
  adapter: string | null
  /** Words the answer is made to begin with; they count as prompt for the model and are part of the answer text. */
  begin?: string
  /** The answer's end is to tell what was drawn and how (`said`), so that it can be replayed. Only the local engine can. */
  record?: boolean
  /**
   * The answer is likely to repeat words of its prompt, or of these datanets: the engine may guess them and check several at once.
   * The text stays the same.
   */
  drafts?: { datanets: readonly string[] }
}

export type ResponseFormat =
  | { type: 'json_object' }
  | { type: 'json_schema'; json_schema: { name?: string; schema: Record<string, unknown> } }
  | { type: 'grammar'; grammar: string }

export type ChatEvent =
  | { type: 'prefill'; done: number; total: number }
  | { type: 'token'; text: string }
  | { type: 'end'; reason: 'stop' | 'length' | 'cancelled'; usage: ChatUsage; said?: Utterance }

export interface ChatUsage {
  promptTokens: number
  completionTokens: number
  /** ms from request to first token, and tokens/s after it. */
  firstTokenMs: number
  tokensPerSecond: number
  dispatchesPerToken: number
  /** Tokens guessed from prompt and datanets, how many of them were right, and in how many passes; absent where nothing was guessed. */
  drafts?: { passes: number; drafted: number; accepted: number }
}

/** local: src/gpu; web-llm: `@mlc-ai/web-llm`; cpu: `@wllama/wllama`; remote: an OpenAI-compatible endpoint. */
export type EngineKind = 'local' | 'web-llm' | 'cpu' | 'remote'

/** Who answered, as it is written on every message. */
export interface Speaker {
  engine: EngineKind
  /** Its name for people. */
  model: string
  /** sha256 hex of the backbone's file, no prefix; null where the engine tells none. A receipt can only name a digest. */
  modelDigest: string | null
  /** Digest of the adapter, null for the backbone alone. Only the local engine has adapters. */
  adapter: string | null
}

export interface Engine {
  /** Who would answer now; another one after the visitor chose another engine. Read when a chat begins. */
  readonly voice: Omit<Speaker, 'adapter'>
  /** Tokens that a prompt and its answer may take together; absent or null where the engine does not say. */
  readonly contextTokens?: number | null
  /** Tokens of these messages in the engine's own template, begun answer included. Absent: they are estimated. */
  count?(messages: ChatMessage[], begin?: string): Promise<number>
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
}

export interface TraceRequest {
  /** Every word of the conversation that the visitor or an earlier turn wrote: never paid. */
  prompt: string
  /** The visitor's own words (all user turns). Retrieved passages are not in it. */
  answer: string
  retrieved: Passage[]
  /** Digests of adapters used; their lineage makes datanets eligible. */
  adapters: string[]
  datanets: string[]
}

export interface ReceiptDraft {
  /** Canonical bytes of the receipt's content, see attribution/receipt.ts. */
  content: Uint8Array
  contentHash: Hex
  sharesRoot: Hex
  shareCount: number
  fee: bigint
  /** Salt of the prompt and answer roots: the owner keeps it. */
  salt: Hex
}

export interface Tracer {
  retrieve(question: string, datanets: string[], signal: AbortSignal): Promise<Retrieval>
  /** Provisional marks while the answer streams: UTF-16 ranges. */
  live(answer: string, datanets: string[]): Promise<{ from: number; to: number }[]>
  trace(request: TraceRequest): Promise<Trace>
  draft(request: TraceRequest & { trace: Trace; model: string; payer: Hex; nonce: bigint }): Promise<ReceiptDraft>
}

export interface SignedReceipt {
  /** EIP-712 struct hash. */
  id: Hex
  payer: Hex
  nonce: bigint
  draft: ReceiptDraft
  signature: Hex
}

export type ReceiptState =
  | { state: 'signed' }
  /** `finalAt`: end of the challenge window in block time, s since the epoch. */
  | { state: 'posted'; batch: number; finalAt: number }
  | { state: 'final'; batch: number }
  | { state: 'paid'; batch: number }
  | { state: 'refused'; reason: string }

export interface Ledger {
  payer(): Promise<Hex>
  /** The next unused nonce; reserved at once, so a crash leaves a gap rather than a double. */
  nonce(): Promise<bigint>
  sign(draft: ReceiptDraft, nonce: bigint): Promise<SignedReceipt>
  /** Writes to the outbox before it returns; posting goes on behind. */
  post(receipt: SignedReceipt): Promise<void>
}
