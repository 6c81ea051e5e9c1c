// The engine as a tab may ask it, wherever it runs: in this tab (engine-host.ts) or in another (engine-follower.ts).
import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import type { EndpointDraft, EngineFacts, EngineMemory, EngineState } from '../services.ts'
import type { Told } from './told.ts'

export interface EngineVerbs {
  start(): Promise<void>
  pause(): Promise<void>
  choose(id: string): Promise<void>
  count(messages: ChatMessage[], begin: string): Promise<number | null>
  memory(): Promise<EngineMemory | null>
  /** @throws engine_not_ready, replay_unavailable where another model or engine is loaded */
  replay(ask: ReplayAsk): Promise<ReplayFindings>
  endpointModels(url: string, key: string): Promise<string[]>
  addEndpoint(draft: EndpointDraft): Promise<string>
  removeEndpoint(id: string): Promise<void>
}

export interface EngineSide extends EngineVerbs {
  readonly state: Pick<Told<EngineState>, 'value' | 'subscribe'>
  readonly facts: Pick<Told<EngineFacts>, 'value' | 'subscribe'>
  /** @throws engine_moved when the engine went to another tab in the middle, and what engines throw */
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
}

export const VERBS: readonly (keyof EngineVerbs)[] = [
  'start',
  'pause',
  'choose',
  'count',
  'memory',
  'replay',
  'endpointModels',
  'addEndpoint',
  'removeEndpoint',
]

export const engineMoved = () =>
  new OpenChatError('engine_moved', 'The tab that ran the engine is gone.', { action: 'Wait a moment: another tab takes over.' })
