// The library of models and adapters, and what this browser keeps. See services.ts for what holds of all of it.
import type { OpenChatError } from '../../errors.ts'

/** A GGUF file that the local and the cpu engine can run: of the catalogue, or the visitor's own. */
export interface LocalModel {
  /** sha256 hex of the file: its identity everywhere. */
  digest: string
  name: string
  bytes: number
  /** SPDX name, or what the file says, or null when it says nothing. */
  licence: string | null
  /** `general.architecture`; null until its header was read. */
  architecture: string | null
  contextTokens: number | null
  source: 'catalogue' | 'file' | 'url'
  /** Mirrors; empty for a file that was dropped here. */
  urls: string[]
  /** Bytes of it kept on this machine, = `bytes` when it is whole. */
  keptBytes: number
  /** sha256 hex of its 4 MiB chunks in order, where they are known before the download: `download({ chunks })` checks each. */
  chunks?: string[]
  /** What the catalogue says of a model whose file lacks it: tokens that a token sees. */
  slidingWindow?: number
}

/** A LoRA adapter in PEFT form. `base` is the digest of the backbone it was made for, null where it does not say. */
export interface LocalAdapter {
  /** sha256 hex of adapter_model.safetensors. */
  digest: string
  name: string
  bytes: number
  base: string | null
  rank: number | null
  source: 'catalogue' | 'file' | 'url'
  /** Datanets it was trained on, proven or of the catalogue; empty for the visitor's own: nobody is paid for those. */
  lineage: { datanet: string; contributions: number }[]
  /** Where its two files are served; null for one that lies in the blob store only, under `digest` and `config.sha256`. */
  weights: string | null
  config: { url: string | null; sha256: string; bytes: number }
}

/** Bytes that a model takes on the GPU while it answers. `total` is the sum of the others. */
export interface MemoryPlan {
  weights: number
  /** The context's keys and values, at `contextTokens`. */
  cache: number
  adapters: number
  scratch: number
  total: number
  contextTokens: number
}

/** Whether a model will run here: tried, not read off a memory size, since no browser tells the truth about that. */
export interface Fit {
  verdict: 'fits' | 'tight' | 'too_large' | 'unknown'
  /** One sentence for people. */
  reason: string
  /** null while the file's header was not read. */
  plan: MemoryPlan | null
}

export type Transfer =
  | { state: 'running'; doneBytes: number; totalBytes: number; bytesPerSecond: number; stage: 'downloading' | 'checking' }
  | { state: 'paused'; doneBytes: number; totalBytes: number }
  | { state: 'failed'; error: OpenChatError }

export interface ListedModel extends LocalModel {
  /** null: nothing is fetched and nothing is half here. */
  transfer: Transfer | null
  /** It was deleted a moment ago, which can be undone; its bytes count as gone. */
  leaving: boolean
}

export interface Library {
  models: ListedModel[]
  adapters: LocalAdapter[]
  /** What this browser kept and has no more, without anybody having deleted it here. */
  evicted: { digest: string; name: string; bytes: number }[]
}

export type KeptKind = 'models' | 'adapters' | 'datanets' | 'conversations' | 'receipts' | 'other'

export interface StorageReport {
  /** `items` files or records, and their bytes (records: as JSON, about). */
  kinds: { kind: KeptKind; items: number; bytes: number }[]
  /** What the browser says of this origin; null where it does not say. */
  usedBytes: number | null
  quotaBytes: number | null
  /** Whether the browser promised not to evict. */
  persistent: boolean
}

/** Reading a file or URL before it is taken: what it says it is. */
export interface AddProgress {
  stage: 'reading' | 'copying' | 'downloading' | 'checking'
  doneBytes: number
  totalBytes: number | null
}

/** The models and adapters of this browser: the catalogue's and the visitor's own, kept by digest. */
export interface ModelsService {
  subscribe(listener: (library: Library) => void): () => void
  /** Fetches, or goes on with, a model's file; the outcome is told through `subscribe`. Loading it is the engine's. */
  download(digest: string): void
  /** Stops a download and keeps what arrived. */
  pause(digest: string): void
  /** Stops a download and drops what arrived. */
  discard(digest: string): Promise<void>
  /** @throws gguf_invalid, architecture_unsupported, tensor_type_unsupported, storage_full, cancelled */
  addModelFile(file: File, progress: (event: AddProgress) => void, signal: AbortSignal): Promise<LocalModel>
  /** Parts of a split GGUF file, or a safetensors folder. @throws as above, model_part_missing, model_parts_mixed … */
  addModelFiles(files: File[], progress: (event: AddProgress) => void, signal: AbortSignal): Promise<LocalModel>
  /** Reads the header by ranges first, so that what cannot run costs no download. @throws as above, download_failed */
  addModelUrl(url: string, progress: (event: AddProgress) => void, signal: AbortSignal): Promise<LocalModel>
  /** adapter_config.json and adapter_model.safetensors, or one zip with them. @throws adapter_invalid, adapter_unsupported, adapter_mismatch … */
  addAdapterFiles(files: File[], signal: AbortSignal): Promise<LocalAdapter>
  /** A folder that serves the two files, or a zip. @throws as above, download_failed */
  addAdapterUrl(url: string, signal: AbortSignal): Promise<LocalAdapter>
  /** Hides it at once and deletes its bytes a little later; `undo` before that brings it back whole. */
  remove(digest: string): Promise<{ undo(): Promise<void> }>
  /** It is to be used after all: what was to be deleted stays. */
  wanted(digest: string): Promise<void>
  /** A quick look at a model that is here, chunk by chunk. @returns how many chunks were wrong and are fetched again on loading */
  check(digest: string, signal: AbortSignal): Promise<{ chunks: number; wrong: number }>
  fit(digest: string): Promise<Fit>
  /** Looks again at what is kept: something else (the engine, another tab) may have fetched it. */
  refresh(): Promise<void>
  storage(): Promise<StorageReport>
  /** Asks the browser not to evict. @returns whether it promised to. */
  persist(): Promise<boolean>
  /** The eviction has been read. */
  acknowledgeEviction(): Promise<void>
}
