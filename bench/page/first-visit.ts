// One first visit in a browser that has nothing yet, through the page's own worker: the model fetched and then loaded, or loaded while
// it is fetched. What bench/first-visit.ts calls; it says nothing by itself.
import type { GpuWorker, LoadProgress, ModelFile } from '../../src/workers/gpu-api.ts'
import { openWorker } from '../../src/workers/rpc.ts'

const never = new AbortController().signal
const { api } = openWorker<GpuWorker>(new Worker(new URL('../../src/workers/gpu.worker.ts', import.meta.url), { type: 'module' }))

/** ms. */
export interface Visit {
  /** From the first request until the whole file is here. */
  fetched: number
  /** And until all weights are on the device. */
  written: number
  /** And until the model is ready. */
  ready: number
  device: string
  /** The first words of an answer. */
  said: string
}

async function said(): Promise<string> {
  const request = { messages: [{ role: 'user' as const, content: 'Name a sea.' }], max_tokens: 8, temperature: 0, adapter: null }
  let text = ''
  for await (const event of await api.chat(request, never)) if (event.type === 'token') text += event.text
  return text
}

async function loaded(model: ModelFile, from: number): Promise<Visit> {
  let [fetched, written] = [Number.NaN, Number.NaN]
  const progress = ({ stage, receivedBytes, totalBytes }: LoadProgress) => {
    if (stage !== 'loading') return
    // Told of as soon as the last chunk is kept.
    if (Number.isNaN(fetched)) fetched = performance.now() - from
    if (receivedBytes === totalBytes && Number.isNaN(written)) written = performance.now() - from
  }
  const { gpu } = await api.load(model, [], progress, never)
  return { fetched, written, ready: performance.now() - from, device: gpu, said: await said() }
}

export const visit = {
  async apart(model: ModelFile): Promise<Visit> {
    const from = performance.now()
    await api.fetch(model, () => {}, never)
    const fetched = performance.now() - from
    return { ...(await loaded(model, from)), fetched }
  },
  together: (model: ModelFile): Promise<Visit> => loaded(model, performance.now()),
}

Object.assign(window, { visit })
