// What one engine can do for the engine host: fetch, load, answer, come back. One file beside this for each of the four.
// Not the state that people see (engine-host.ts), and not the choice among them (engine-choices.ts).
import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../../chat/ports.ts'
import type { Demotion, EngineMemory, EngineState } from '../services.ts'

export type Arriving = Extract<EngineState, { state: 'downloading' | 'loading' }>

export interface Running {
  gpu: string
  software: boolean
  contextTokens: number | null
  demotions: Demotion[]
  /** Digests of the adapters that are loaded. */
  adapters: string[]
}

export interface Runner {
  /** sha256 hex of the backbone's file; null where the engine tells none. */
  readonly digest: string | null
  /** What is here of what must be fetched. */
  kept(): Promise<{ complete: boolean; receivedBytes: number }>
  /** Fetches what is missing and loads. @throws cancelled and what goes wrong */
  load(progress: (state: Arriving) => void, signal: AbortSignal): Promise<Running>
  /** After an interruption (engines/resume.ts): loads again what was loaded. @throws as load */
  recover(signal: AbortSignal): Promise<Running>
  /** Gives memory back. Nothing is asked of this runner afterwards. */
  unload(): Promise<void>
  /** null where the engine cannot count. */
  count(messages: ChatMessage[], begin: string): Promise<number | null>
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
  /** Absent where the engine cannot say. */
  memory?(): Promise<EngineMemory | null>
  /** Absent where what was drawn cannot be judged. */
  replay?(ask: ReplayAsk): Promise<ReplayFindings>
}
