// Brings the served datanets in as soon as the engine is ready, so that the first question does not wait for their download,
// their proof and the index over their passages. Not a condition of anything: a question fetches what it lacks itself.
// Invariants: nothing is fetched before the visitor let the model come; once per page; a failure is left to the question that
// needs the datanet, which then says what is wrong.
import type { EngineService } from '../services.ts'

/** ms of quiet after the engine is ready: a question that was queued is answered first. */
const QUIET_MS = 1_500

export interface PrewarmPorts {
  engine: Pick<EngineService, 'subscribe'>
  /** Ids of the datanets that are served with the page. */
  served: readonly string[]
  ensure(ids: readonly string[], signal: AbortSignal): Promise<void>
  wait?: (ms: number) => Promise<void>
}

/** Resolves once all are here, or one could not be had. */
export async function prewarm({ engine, served, ensure, wait = pause }: PrewarmPorts): Promise<void> {
  let forget = () => {}
  await new Promise<void>((ready) => {
    forget = engine.subscribe(({ state }) => {
      if (state === 'ready') ready()
    })
  })
  forget()
  await wait(QUIET_MS)
  // The question that needs it meets the same error and tells it.
  await ensure(served, new AbortController().signal).catch(() => undefined)
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
