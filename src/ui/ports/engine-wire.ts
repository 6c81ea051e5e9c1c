// What tabs say to each other about the one engine, over a BroadcastChannel. Plain data: errors go as their wire form.
// `here` is the leader's word to all, at each change and to each `hello`; everything else is between one tab and the leader.
import type { ChatEvent, ChatRequest } from '../../chat/ports.ts'
import { type ErrorWire, fromWire, toWire } from '../../errors.ts'
import type { EngineChoice, EngineFacts, EngineState } from '../services.ts'
import type { EngineVerbs } from './engine-side.ts'

export const CHANNEL = 'open-chat/engine'
/** Held by the tab that runs the engine. */
export const LEADER_LOCK = 'open-chat/engine'
/** Held by each tab as long as it lives, so that the leader notices when it is gone. */
export const tabLock = (tab: string) => `open-chat/tab/${tab}`

type ChoiceWire = Omit<EngineChoice, 'hindrance'> & { hindrance: ErrorWire | null }
type FactsWire = Omit<EngineFacts, 'choices'> & { choices: ChoiceWire[] }
type StateWire = Exclude<EngineState, { error: unknown }> | { state: 'failed' | 'no_webgpu'; error: ErrorWire }

export type Up =
  | { type: 'hello'; from: string }
  | { type: 'call'; from: string; id: number; verb: keyof EngineVerbs; args: unknown[] }
  | { type: 'chat'; from: string; id: number; request: ChatRequest }
  | { type: 'abort'; from: string; id: number }

export type Down =
  | { type: 'here'; leader: string; state: StateWire; facts: FactsWire }
  | { type: 'result'; to: string; id: number; value: unknown }
  | { type: 'event'; to: string; id: number; event: ChatEvent }
  | { type: 'ended'; to: string; id: number }
  | { type: 'thrown'; to: string; id: number; error: ErrorWire }

export function here(leader: string, state: EngineState, facts: EngineFacts): Down {
  return {
    ...{ type: 'here', leader },
    state: 'error' in state ? { ...state, error: toWire(state.error) } : state,
    facts: { ...facts, choices: facts.choices.map((choice) => ({ ...choice, hindrance: choice.hindrance && toWire(choice.hindrance) })) },
  }
}

export function stateOf(wire: StateWire): EngineState {
  return 'error' in wire ? { ...wire, error: fromWire(wire.error) } : wire
}

export function factsOf(wire: FactsWire): EngineFacts {
  const choices = wire.choices.map((choice) => ({ ...choice, hindrance: choice.hindrance && fromWire(choice.hindrance) }))
  return { ...wire, choices, tab: 'follower' }
}
