// A way from the engine of this tab to the suffix arrays of this tab, worker to worker: what an answer quotes can be guessed
// from the datanets behind it. The page itself sees nothing of it.
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import type { RemoteApi } from '../../workers/rpc.ts'

/** @returns the engine's end; the attribution worker has the other. */
export function draftPort(api: Pick<RemoteApi<AttributionWorker>, 'proposeOn'>): MessagePort {
  const { port1, port2 } = new MessageChannel()
  // Where that worker fails, retrieval says so; here there are no guesses, and nothing else is missing.
  api.proposeOn(port1).catch(() => undefined)
  return port2
}
