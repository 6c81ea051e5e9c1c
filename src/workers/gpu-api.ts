// What the gpu worker offers the page, as types: a model by digest, adapters by digest, several chats at once.
// The implementation is gpu-desk.ts; the page sees neither tensors nor WebGPU.
import type { ReplayAsk, ReplayFindings } from '../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../chat/ports.ts'

export interface ModelFile {
  name: string
  /** sha256 hex of the GGUF file. */
  sha256: string
  bytes: number
  urls: string[]
  /** sha256 hex of its 4 MiB chunks, where known; see storage/download.ts. */
  chunks?: string[]
  /** Of a Mistral file that lacks the key: tokens that a token sees, itself among them. */
  slidingWindow?: number
}

export interface AdapterFile {
  name: string
  /** sha256 hex of adapter_model.safetensors: the adapter's digest everywhere. */
  digest: string
  bytes: number
  /** Where its files are served; '' for one that lies in the blob store only. */
  weights: string
  config: { url: string; sha256: string; bytes: number }
}

export type LoadProgress =
  | { stage: 'hashing' | 'downloading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }
  | { stage: 'loading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }

export interface GpuFacts {
  gpu: string
  /** A processor that plays a GPU. */
  software: boolean
  /** Whether it offers half precision: src/gpu needs none, web-llm's models do. */
  f16: boolean
}

/** Bytes of the GPU. */
export interface EngineMemory {
  /** Weights, one context, adapters, work: what loading planned. */
  planned: { weights: number; cache: number; adapters: number; scratch: number; total: number; contextTokens: number }
  /** Given out or pooled at this moment. */
  allocated: number
}

export interface LoadedEngine extends GpuFacts {
  contextTokens: number
  /** What the context would be with memory enough: at most the model's own. More than `contextTokens` where it was short. */
  wantedTokens: number
  /** Kernels that this GPU computes wrongly in their fast form, found before the first answer; their slower form is used. */
  demoted: { kernel: string; to: string }[]
  /** Digests of the adapters that are loaded. */
  adapters: string[]
  /** Why an adapter is not, one sentence each. */
  refused: string[]
}

export interface GpuWorker {
  /** Opens a device and lets it go. @throws gpu_unavailable */
  probe(): Promise<GpuFacts>
  /** Bytes of the model that are kept already, and whether all of it is. */
  kept(model: ModelFile): Promise<{ complete: boolean; receivedBytes: number }>
  /** Brings the file here and nothing else. @throws digest_mismatch, download_failed, storage_full, cancelled */
  fetch(model: ModelFile, progress: (event: LoadProgress) => void, signal: AbortSignal): Promise<void>
  /**
   * Fetches what is missing, lets another model go, and loads with the longest context that a probe of the memory grants.
   * @throws gpu_unavailable, gpu_out_of_memory, digest_mismatch, download_failed, storage_full, cancelled …
   */
  load(model: ModelFile, adapters: AdapterFile[], progress: (event: LoadProgress) => void, signal: AbortSignal): Promise<LoadedEngine>
  /** Loads again what `load` loaded, after a loss or a lack of memory; does nothing when it is whole. @throws as `load` */
  recover(signal: AbortSignal): Promise<LoadedEngine>
  /** Gives the device's memory back; chats under way end with `engine_disposed`. */
  unload(): Promise<void>
  /** null while nothing is loaded. */
  memory(): Promise<EngineMemory | null>
  /** Tokens of a prompt, generation prompt included. @throws engine_not_ready, chat_template_failed */
  count(messages: ChatMessage[], begin: string): Promise<number>
  /**
   * One completion; four run side by side and share their steps, a fifth waits.
   * @throws engine_not_ready, prompt_too_long, and device_lost or gpu_out_of_memory, after which `recover` is to be called
   */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
  /**
   * Where guesses come from beyond the prompt, from now on: the other end serves a `DraftSource` (draft-source.ts). Its silence
   * holds nothing up.
   */
  draftFrom(port: MessagePort): Promise<void>
  /** Did this model say this? Takes the seat of a chat. @throws engine_not_ready, replay_unavailable, utterance_invalid … */
  replay(ask: ReplayAsk): Promise<ReplayFindings>
}
