// The step "This model said this": asked of the engine, judged in the attribution worker. It is `unknown`, with the reason, wherever
// the model is not loaded. Not one of a verification's own steps: it takes seconds, and the graphics card.
import type { ReplayAsk, ReplayFindings } from '../../attribution/types.ts'
import { toWire } from '../../errors.ts'
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import type { RemoteApi } from '../../workers/rpc.ts'
import type { VerifyStep } from '../services.ts'

type Receipt = Parameters<AttributionWorker['said']>[0]

export async function* replaySteps(
  api: Pick<RemoteApi<AttributionWorker>, 'replayAsk' | 'said'>,
  receipt: Receipt,
  replay: (ask: ReplayAsk) => Promise<ReplayFindings>,
  signal: AbortSignal,
): AsyncGenerator<VerifyStep> {
  const began = performance.now()
  yield { ...(await api.said(receipt, 'pending')), ms: 0 } as VerifyStep
  const outcome = await replayed().catch((error: unknown) => ({ error: toWire(error) }))
  signal.throwIfAborted()
  yield { ...(await api.said(receipt, outcome)), ms: performance.now() - began } as VerifyStep

  async function replayed() {
    const ask = await api.replayAsk(receipt)
    return { found: ask === null ? null : await replay(ask) }
  }
}
