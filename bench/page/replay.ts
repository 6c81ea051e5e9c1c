// Answers made in a browser by the page's own worker, and records replayed there. What bench/replay.ts calls; it says nothing by itself.
import type { ReplayAsk, ReplayFindings } from '../../src/attribution/types.ts'
import type { AdapterFile, GpuWorker, LoadedEngine, ModelFile } from '../../src/workers/gpu-api.ts'
import { openWorker } from '../../src/workers/rpc.ts'
import { type Answer, recordOf, requestOf } from '../replay-answers.ts'

const never = new AbortController().signal
const worker = openWorker<GpuWorker>(new Worker(new URL('../../src/workers/gpu.worker.ts', import.meta.url), { type: 'module' }))

export const replays = {
  open: (model: ModelFile, adapters: AdapterFile[]): Promise<LoadedEngine> => worker.api.load(model, adapters, () => {}, never),
  /** The `i`-th answer of bench/replay-answers.ts. */
  async say(i: number, tokens: number, adapter: string): Promise<Answer> {
    const request = requestOf(i, tokens, adapter)
    return recordOf(request, await worker.api.chat(request, never))
  },
  replay: (ask: ReplayAsk): Promise<ReplayFindings> => worker.api.replay(ask),
}

Object.assign(window, { replays })
