// A replay as a receipt asks for it (attribution/verify-said.ts) over the local engine: the one place where the two shapes meet.
// The gpu worker serves it to the page, the command and the bench call it in Node.
// Invariant: what is said again is said by the model and the adapter that the receipt names, or not at all.
import type { ReplayAsk, ReplayFindings } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'
import type { Engine } from '../gpu/types.ts'

export interface ReplayHere {
  /** sha256 hex of the loaded file. */
  model: string
  /** Digests of the loaded adapters, which are their names in the engine. */
  adapters: ReadonlySet<string>
}

/** Q16.16 */
const one = 1 << 16

/** @throws replay_unavailable, and what `Engine.replay` throws */
export async function replayOnEngine(engine: Pick<Engine, 'replay'>, here: ReplayHere, ask: ReplayAsk): Promise<ReplayFindings> {
  if (ask.model !== `0x${here.model}`) throw unavailable('The model that the receipt names is not the one that is loaded here.', ask)
  if (ask.adapters.length > 1) throw unavailable('Several adapters at once cannot be replayed yet.', ask)
  const [adapter] = ask.adapters
  const name = adapter === undefined ? null : adapter.digest.slice(2)
  if (name !== null && !here.adapters.has(name)) throw unavailable('The adapter that the receipt names is not loaded here.', ask)
  const weighed = adapter === undefined || adapter.scale === one ? name : [{ name: adapter.digest.slice(2), weight: adapter.scale / one }]
  const { first, refusedDraws: _, ...found } = await engine.replay(ask.said, { adapter: weighed })
  return { ...found, first: first?.reason ? { ...first, reason: first.reason } : null }
}

const unavailable = (sentence: string, { model, adapters }: ReplayAsk) =>
  new OpenChatError('replay_unavailable', sentence, {
    meta: { model, adapter: adapters[0]?.digest ?? null },
    action: 'Load that model with its adapters, then verify again.',
  })
