// What the gpu worker offers the page, as types: a model by digest, adapters by digest, one chat at a time.
// The implementation is gpu.worker.ts; the page sees neither tensors nor WebGPU.
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'

export interface ModelFile {
  name: string
  /** sha256 hex of the GGUF file. */
  sha256: string
  bytes: number
  urls: string[]
}

export interface AdapterFile {
  name: string
  /** sha256 hex of adapter_model.safetensors: the adapter's digest everywhere. */
  digest: string
  bytes: number
  weights: string
  config: { url: string; sha256: string; bytes: number }
}

export type LoadProgress =
  | { stage: 'hashing' | 'downloading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }
  | { stage: 'loading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }

export interface LoadedEngine {
  gpu: string
  software: boolean
  contextTokens: number
}

export interface GpuWorker {
  /** Opens a device and lets it go. @throws gpu_unavailable */
  probe(): Promise<void>
  /** Bytes of the model that are kept already, and whether all of it is. */
  kept(model: ModelFile): Promise<{ complete: boolean; receivedBytes: number }>
  /** @throws gpu_unavailable, digest_mismatch, download_failed, storage_full, cancelled … */
  load(model: ModelFile, adapters: AdapterFile[], progress: (event: LoadProgress) => void, signal: AbortSignal): Promise<LoadedEngine>
  /** One completion; a second call waits for the first. @throws engine_not_ready, prompt_too_long, device_lost … */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
}
