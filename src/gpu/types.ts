// The public face of src/gpu as types: what an engine, a session and a completion are. engine.ts implements it.

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
}

export interface CompletionRequest {
  /** Exactly one of the three. `tokens` are taken as they are. */
  messages?: ChatTurn[]
  prompt?: string
  tokens?: number[]
  /** With `messages`: words the answer begins with, appended after the generation prompt as ordinary text. */
  begin?: string
  /** Name given to `addAdapter`, or null / absent for the backbone alone. */
  adapter?: string | null
  maxTokens: number
  /** 0 is greedy: arg max, lowest id on a tie. */
  temperature: number
  topK?: number
  topP?: number
  seed?: number
  /** Strings that end the answer; the string itself is not part of it. */
  stop?: string[]
  signal?: AbortSignal
}

export type CompletionEvent =
  | { type: 'prefill'; done: number; total: number }
  | { type: 'token'; id: number; text: string }
  | {
      type: 'end'
      reason: 'stop' | 'length' | 'cancelled'
      text: string
      tokens: number[]
      promptTokens: number
      /** ms */
      prefillMs: number
      firstTokenMs: number
      decodeMs: number
      dispatches: { prefill: number; decode: number; perToken: number }
    }

/** One row of a batched step: what is fed, and under which adapter. */
export interface Session {
  /** Tokens in its KV cache. */
  readonly length: number
  /** Feeds tokens; the KV cache grows by their number. @returns logits of the last position, [vocab] f32. */
  prefill(tokens: number[], options?: { signal?: AbortSignal; onProgress?: (done: number, total: number) => void }): Promise<Float32Array>
  /** Changes the adapter of later tokens; earlier KV is dropped, as it was made under another adapter. */
  useAdapter(name: string | null): void
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
  poolBytes: number
  pipelines: number
  dispatchesPerDecode: number
}

export interface Engine {
  readonly vocab: number
  readonly contextTokens: number
  encode(text: string, options?: { parseSpecial?: boolean }): number[]
  decode(tokens: number[]): string
  /** Ids of a conversation under the file's template, generation prompt and `begin` included. @throws chat_template_failed */
  promptTokens(messages: ChatTurn[], begin?: string): number[]
  session(adapter?: string | null): Session
  /** One step of several rows together, each with its own session (and so adapter) and token. @returns logits [rows][vocab]. */
  step(rows: { session: Session; token: number }[]): Promise<Float32Array[]>
  complete(request: CompletionRequest): AsyncIterable<CompletionEvent>
  /** Teacher-forced, from an empty cache at position 0. @returns −ln p(tokens[i] | tokens[0..i)) for i ≥ 1, [tokens.length − 1], natural log in f64. */
  score(
    tokens: number[],
    options?: { adapter?: string | null; signal?: AbortSignal; onProgress?: (done: number, total: number) => void },
  ): Promise<Float64Array>
  /** @throws adapter_unsupported, adapter_mismatch, file_truncated … ; a failing adapter leaves the others untouched. */
  addAdapter(name: string, files: AdapterFiles): Promise<void>
  removeAdapter(name: string): void
  stats(): EngineStats
  dispose(): void
}
