// The public face of src/gpu as types: what an engine, a session and a completion are. engine.ts implements it.
import type { BootReport } from './boot.ts'
import type { AdapterReport } from './boot-adapters.ts'
import type { AdapterPrecision } from './kernels/adapter-precision.ts'

import type { TokenLogprob } from './model/draw.ts'
import type { MemoryPlan } from './model/memory-plan.ts'
import type { SamplerSettings } from './model/sampler.ts'

export interface ChatTurn {
  role: 'system' | 'user' | 'assistant'
  content: string
}

/** Random access to a file of known length: a Blob, an OPFS handle, a Node file, an HTTP resource. */
export interface ByteSource {
  readonly bytes: number
  /** @returns exactly `length` bytes from `offset`; throws `file_truncated` when they are not there. */
  read(offset: number, length: number): Promise<Uint8Array>
}

/** A PEFT folder: the text of adapter_config.json and the bytes of adapter_model.safetensors. */
export interface AdapterFiles {
  config: string
  weights: Uint8Array
  /** sha256 of the weights, hex, where whoever read them has just hashed them. */
  sha256?: string
}

/** One of several adapters at once: their deltas add up, each times its weight. */
export interface AdapterPart {
  /** Given to `addAdapter` or `registerAdapter`. */
  name: string
  /** Default 1. */
  weight?: number
  /** Names of its contributor groups that are left out here. */
  without?: readonly string[]
}

/** Where adapters are, and where those that were asked for were found. */
export interface AdapterStats {
  registered: number
  onHost: number
  onDevice: number
  /** Slots of the table in use: an adapter alone, several together, one without some groups. */
  faces: number
  found: { device: number; host: number; loaded: number }
}

/**
 * What shape the answer must have. An answer ends when its shape is whole; one that `maxTokens` cuts may be a part of it.
 * `grammar` is EBNF of GBNF's kind whose first rule is `root`.
 */
export type ResponseFormat =
  | { type: 'json_object' }
  | { type: 'json_schema'; schema: Record<string, unknown> }
  | { type: 'grammar'; grammar: string }

/** The settings of {@link SamplerSettings} choose the tokens. */
export interface CompletionRequest extends SamplerSettings {
  /** Exactly one of the three. `tokens` are taken as they are. */
  messages?: ChatTurn[]
  prompt?: string
  tokens?: number[]
  /** With `messages`: words the answer begins with, appended after the generation prompt as ordinary text. */
  begin?: string
  /** Name given to `addAdapter` or `registerAdapter`, several at once, or null / absent for the backbone alone. */
  adapter?: string | readonly AdapterPart[] | null
  maxTokens: number
  /** Strings that end the answer; the string itself is not part of it. */
  stop?: string[]
  responseFormat?: ResponseFormat
  /** Who guesses the next tokens, so that several are checked in one pass; the text stays the same. Absent: nobody. */
  drafts?: Proposer
  signal?: AbortSignal
}

export type CompletionEvent =
  | { type: 'prefill'; done: number; total: number }
  /** `logprobs` where they were asked for; `top` holds as many as were. */
  | { type: 'token'; id: number; text: string; logprobs?: { own: number; top: TokenLogprob[] } }
  | {
      type: 'end'
      reason: 'stop' | 'length' | 'cancelled'
      text: string
      tokens: number[]
      promptTokens: number
      said: Utterance
      /** ms */
      prefillMs: number
      firstTokenMs: number
      decodeMs: number
      dispatches: { prefill: number; decode: number; perToken: number }
      /** `decode` above holds their dispatches too. */
      drafts: DraftCounts
    }

/** Guesses what comes next. The engine checks every guess, so a bad one costs time and never a word. */
export interface Proposer {
  /**
   * @param tokens prompt and answer so far
   * @param most guesses wanted
   * @param least how many of the last tokens a guess must rest on
   * @returns guesses of what follows, none where it has none
   */
  propose(tokens: readonly number[], most: number, least: number): readonly number[]
}

export interface DraftCounts {
  /** Passes that checked guesses. */
  passes: number
  drafted: number
  /** Guessed right. Each pass gives one token more than were. */
  accepted: number
}

/** What was fed and what was drawn after it: enough to let the model say it again. */
export interface Utterance {
  prompt: number[]
  /** An end id included. */
  drawn: number[]
  /** Of each drawn token, by the model itself, natural logarithm; null where nothing was asked to tell them. */
  logprobs: number[] | null
  /** The settings that decide which token comes next, as they stand in {@link CompletionRequest}. */
  sampler: Omit<SamplerSettings, 'logprobs'> & { seed: number }
}

export interface ReplayedToken {
  at: number
  id: number
  /** Tokens with a larger logit. */
  rank: number
  /** Largest logit less this one's, after penalties. */
  gap: number
  /** Told log probability less the one found; null where none was told. */
  off: number | null
  /** draw: these settings could not have drawn it. logprob: they could, but its log probability is another. null: it fits. */
  reason: 'draw' | 'logprob' | null
}

export interface Replayed {
  /** Every token fits. */
  said: boolean
  tokens: number
  refused: number
  /** Of those, how many by settings and seed alone; the others by their log probability. */
  refusedDraws: number
  first: ReplayedToken | null
  worstGap: number
  worstOff: number | null
  /** By how much a logit may differ. */
  tolerance: number
  /** Tokens that were read to find out. */
  fed: number
  ms: number
  promptText: string
  /** Without the end token. */
  text: string
}

/** One row of a batched step: what is fed, and under which adapter. */
export interface Session {
  /** Tokens in its KV cache. */
  readonly length: number
  /** Feeds tokens; the KV cache grows by their number. @returns logits of the last position, [vocab] f32. */
  prefill(tokens: number[], options?: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void }): Promise<Float32Array>
  /** Changes the adapter of later tokens; earlier KV is dropped, as it was made under another adapter. */
  useAdapter(adapter: string | readonly AdapterPart[] | null): void
  /** A copy that shares nothing, at the same position. */
  fork(): Promise<Session>
  dispose(): void
}

export interface EngineStats {
  adapterName: string
  isFallbackAdapter: boolean
  weightBytes: number
  kvBytes: number
  adapterBytes: number
  /** In what adapters stand on the device. */
  adapterPrecision: AdapterPrecision
  adapters: AdapterStats
  poolBytes: number
  /** What the context in use was planned to take; `poolBytes` is what is taken. */
  plan: MemoryPlan
  pipelines: number
  dispatchesPerDecode: number
  /** What the self-test found before the first answer; null where none ran. */
  boot: BootReport | null
  /** What it found before the first adapter, and before the first that is kept as f32 or is DoRA. */
  bootAdapters: readonly AdapterReport[]
  /** Readbacks so far, and their bytes. */
  readbacks: number
  bytesRead: number
  /** Steps submitted before the step before them was read. */
  stepsAhead: number
}

export interface Engine {
  readonly vocab: number
  readonly contextTokens: number
  /** The model's own, which memory or the caller may have shortened. */
  readonly trainedTokens: number
  encode(text: string, options?: { parseSpecial?: boolean }): number[]
  decode(tokens: number[]): string
  /** Ids of a conversation under the file's template, generation prompt and `begin` included. @throws chat_template_failed */
  promptTokens(messages: ChatTurn[], begin?: string): number[]
  session(adapter?: string | readonly AdapterPart[] | null): Session
  /** One step of several rows together, each with its own session (and so adapter) and token. @returns logits [rows][vocab]. */
  step(rows: { session: Session; token: number }[]): Promise<Float32Array[]>
  complete(request: CompletionRequest): AsyncIterable<CompletionEvent>
  /** Teacher-forced, from an empty cache at position 0. @returns −ln p(tokens[i] | tokens[0..i)) for i ≥ 1, [tokens.length − 1], natural log in f64. */
  score(
    tokens: number[],
    options?: {
      adapter?: string | readonly AdapterPart[] | null
      signal?: AbortSignal
      onProgress?: (done: number, total: number) => void
    },
  ): Promise<Float64Array>
  /**
   * Did this model say this, under this adapter? @throws utterance_invalid, adapter_unknown, prompt_too_long, cancelled …
   * @example (await engine.replay(end.said)).said
   */
  replay(
    said: Utterance,
    options?: {
      adapter?: string | readonly AdapterPart[] | null
      signal?: AbortSignal
      onProgress?: (done: number, total: number) => void
    },
  ): Promise<Replayed>
  /**
   * To the device at once, and there until it is removed.
   * @throws adapter_unsupported, adapter_mismatch, file_truncated … ; a failing adapter leaves the others untouched.
   */
  addAdapter(name: string, files: AdapterFiles): Promise<void>
  /**
   * Notes an adapter and reads nothing: whoever uses it first waits for `load`, others do not. Thousands may be registered; the
   * host and the device keep what was used last, within their budgets. A `load` that fails fails those who asked, and may be
   * tried again.
   */
  registerAdapter(name: string, load: () => Promise<AdapterFiles>): void
  /** Brings an adapter to the device before it is asked for. @throws as `addAdapter`, and what `load` throws */
  preloadAdapter(name: string): Promise<void>
  /** Contributor groups that an adapter's config names. @throws as `preloadAdapter` */
  adapterGroups(name: string): Promise<string[]>
  /**
   * Leaves groups of an adapter out wherever its name is used from now on; [] brings all back. One write into the table.
   * @throws adapter_unknown, adapter_group_unknown
   */
  dropAdapterGroups(name: string, groups: readonly string[]): Promise<void>
  removeAdapter(name: string): void
  /**
   * Makes what answers may need later, piece by piece while nobody answers: to be asked once a model and its adapters are there, and
   * not waited for. Ends early when the engine or its device does.
   */
  makePipelines(): Promise<void>
  stats(): EngineStats
  dispose(): void
}
