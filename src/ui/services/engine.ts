// The engine that answers, as the page may ask for it. See services.ts for what holds of all of it.
import type { ChatMessage, EngineKind } from '../../chat/ports.ts'
import type { OpenChatError } from '../../errors.ts'

export interface ModelCard {
  name: string
  /** Bytes of the one file that is downloaded. */
  bytes: number
  licence: string
  /** sha256 hex of the file. */
  digest: string
  /** Bytes of the adapters and of the datanets' indexes, fetched beside the model and with the first question. */
  besidesBytes: number
  /** Adapters that come with the page: digest → name people read. */
  adapters: Record<string, string>
}

export type EngineState =
  /** Looking for the file on this machine. */
  | { state: 'checking' }
  /** Not here, and nothing is running: first run, or a paused download (`receivedBytes` > 0). */
  | { state: 'absent'; receivedBytes: number }
  | { state: 'downloading'; receivedBytes: number; totalBytes: number; bytesPerSecond: number }
  /** The file is here: digest, tokeniser, weights to the GPU. `fraction` 0..1, or null when unknown. */
  | { state: 'loading'; stage: string; fraction: number | null }
  | { state: 'ready'; gpu: string; software: boolean }
  /** This browser offers no WebGPU: read, contribute and verify still work. */
  | { state: 'no_webgpu'; error: OpenChatError }
  | { state: 'failed'; error: OpenChatError }

/** One thing that could answer: a model on one of the four engines. */
export interface EngineChoice {
  /** `local:<digest>`, `cpu:<digest>`, `web-llm:<model>` or `remote:<n>`. */
  id: string
  engine: EngineKind
  /** The model's name, as it stands on each message. */
  name: string
  /** One sentence: where it computes, and what leaves this machine. */
  detail: string
  /** Bytes still to be fetched before it can answer; 0 when all is here or nothing is fetched. */
  needsBytes: number
  /** Host those bytes come from, or the endpoint's; null: this page's own, or none. */
  host: string | null
  /** Whether adapters, and so quoting by the datanets' own adapters, can be used with it. */
  adapters: boolean
  /** Why it cannot run in this browser; null when it can. */
  hindrance: OpenChatError | null
}

/** Something that runs on less than was hoped for. `sentence` says what and why. */
export interface Demotion {
  code: 'software_adapter' | 'smaller_context' | 'adapter_refused' | 'kernel_demoted' | 'device_recovered'
  sentence: string
}

/** Everything about the engine beside its state. Shared by all tabs: they have one engine between them. */
export interface EngineFacts {
  choices: EngineChoice[]
  /** Id of the choice that `EngineState` and `model` speak of. */
  chosen: string
  /** Offered to the visitor, never done unasked: another choice that would work (better) here. `sentence` says why. */
  proposal: { id: string; sentence: string } | null
  demotions: Demotion[]
  /** Tokens that a prompt and its answer may have together; null before ready, or where the engine does not say. */
  contextTokens: number | null
  /** Whether this tab runs the engine or asks the tab that does. */
  tab: 'leader' | 'follower'
}

/** Bytes of the GPU: what loading planned for the context that was chosen, and what is taken at this moment. */
export interface EngineMemory {
  plannedBytes: number
  allocatedBytes: number
  contextTokens: number
}

export interface EndpointDraft {
  /** Base address that `/v1/models` and `/v1/chat/completions` follow; a `/v1` at its end is understood. */
  url: string
  model: string
  /** Empty: none is sent. */
  key: string
  /** encrypted: kept under a key of this browser that cannot be exported; memory: gone with the tab. */
  keep: 'encrypted' | 'memory'
}

export interface EngineService {
  /** Of the chosen model; another object after `choose`. */
  readonly model: ModelCard
  subscribe(listener: (state: EngineState) => void): () => void
  watch(listener: (facts: EngineFacts) => void): () => void
  /** Begins or resumes the download, then loads. Does nothing when running or ready; after `failed` it tries again. */
  start(): void
  /** Stops a download and keeps what arrived. */
  pause(): void
  /**
   * Takes another choice; kept across reloads and told to all tabs. What is loaded is let go, what is kept here is loaded
   * at once, and what must be fetched waits for `start` (state `absent`). Answers under way end first.
   */
  choose(id: string): void
  /** Tokens of a prompt under the chosen model's template; null where the engine cannot say. */
  count(messages: ChatMessage[]): Promise<number | null>
  /** null where nothing is loaded, or the engine cannot say. */
  memory(): Promise<EngineMemory | null>
  /** Models that an endpoint lists. @throws endpoint_unreachable, endpoint_refused, endpoint_malformed */
  endpointModels(url: string, key: string, signal: AbortSignal): Promise<string[]>
  /** Keeps an endpoint as a choice. @returns its id @throws endpoint_invalid */
  addEndpoint(draft: EndpointDraft): Promise<string>
  removeEndpoint(id: string): Promise<void>
}
