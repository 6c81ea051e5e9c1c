// What the web-llm worker offers, as types.
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'

export interface WebLlmWorker {
  /** Fetches what is missing and loads; `fraction` 0..1. @throws hub_unreachable, gpu_unavailable, web_llm_failed */
  load(model: string, progress: (fraction: number, words: string) => void): Promise<void>
  unload(): Promise<void>
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
}
