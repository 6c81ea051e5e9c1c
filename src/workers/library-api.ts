// What the library worker offers the page, as types: models and adapters read, fetched, kept and checked, off the page's
// thread. Which of them the page lists, and under what names, is the page's own record.
import type { BadChunk } from '../storage/download.ts'

export interface KeptFile {
  digest: string
  bytes: number
}

/** What a model takes of the GPU, apart from how long its context is to be; gpu/model/memory-plan.ts. Bytes. */
export interface ModelMemory {
  weights: number
  scratch: number
  pageCache: number
  pageScratch: number
  layers: number
  contextTokens: number
}

/** With a context of `contextTokens`. Bytes. */
export interface PlannedMemory {
  weights: number
  cache: number
  adapters: number
  scratch: number
  total: number
  contextTokens: number
}

/** What a GGUF file says of itself in its header, and what it will take. */
export interface ModelFacts {
  name: string | null
  licence: string | null
  architecture: string
  contextTokens: number
  bytes: number
  memory: ModelMemory
}

export interface AdapterFacts {
  /** sha256 of adapter_model.safetensors. */
  digest: string
  bytes: number
  rank: number
  /** Digest of the model file that it names, or null. */
  base: string | null
  config: KeptFile & { sha256: string }
}

/** A model whose header an adapter can be held against: kept here, or served. */
export interface BaseModel {
  digest: string
  bytes: number
  urls: string[]
}

export interface TransferProgress {
  stage: 'reading' | 'copying' | 'downloading' | 'checking'
  doneBytes: number
  totalBytes: number | null
  bytesPerSecond: number
}

/** `plan` is of the longest context that fits, up to `wantedTokens`; of the shortest where none does. */
export type FitVerdict = { plan: PlannedMemory; wantedTokens: number } & (
  | { verdict: 'fits' | 'tight' | 'too_large' | 'no_gpu' }
  | { verdict: 'buffer_too_large'; wantedBytes: number; allowedBytes: number }
)

export interface AddedUrl {
  digest: string
  facts: ModelFacts
  /** Of the address, without what only tells a file's form. */
  name: string
  /** Where this very file can be fetched again; none for a model that was several. */
  urls: string[]
}

type Told = (event: TransferProgress) => void

export interface LibraryWorker {
  /** Reads the header, refuses what cannot run, then keeps the file under its digest. @throws gguf_invalid, architecture_unsupported … */
  addModelFile(file: File, progress: Told, signal: AbortSignal): Promise<{ digest: string; facts: ModelFacts }>
  /**
   * Parts of a split GGUF file, or a folder as transformers keeps it: kept as one GGUF file. @param name of the folder, or null
   * @throws as above, model_part_missing, model_parts_mixed, model_config_invalid
   */
  addModelFiles(files: File[], name: string | null, progress: Told, signal: AbortSignal): Promise<{ digest: string; facts: ModelFacts }>
  /** As above, for a served file: its header is read by ranges before the bulk. @throws as above, download_failed, range_refused … */
  addModelUrl(url: string, progress: Told, signal: AbortSignal): Promise<AddedUrl>
  /** @throws adapter_invalid, adapter_unsupported, adapter_mismatch, safetensors_invalid */
  addAdapterFiles(files: File[], bases: BaseModel[], signal: AbortSignal): Promise<AdapterFacts>
  addAdapterUrl(url: string, bases: BaseModel[], signal: AbortSignal): Promise<AdapterFacts>
  /** Brings a file of known digest here. @returns the chunks that came wrong and were fetched again */
  fetch(
    file: { digest: string; bytes: number; urls: string[]; chunks?: string[] },
    progress: Told,
    signal: AbortSignal,
  ): Promise<BadChunk[]>
  kept(digest: string): Promise<{ complete: boolean; bytes: number }>
  list(): Promise<KeptFile[]>
  /** Text of a kept file; null when it is not here. For manifests. */
  text(digest: string): Promise<string | null>
  verify(digest: string, signal: AbortSignal): Promise<{ chunks: number; wrong: number[] }>
  delete(digest: string): Promise<void>
  missing(): Promise<KeptFile[]>
  forget(digest: string): Promise<void>
  /** Tries it on this GPU. @param adapterBytes of the adapters that will be used beside it */
  fit(memory: ModelMemory, adapterBytes: number): Promise<FitVerdict>
}
