import { expect, it, vi } from 'vitest'
import type { EngineState } from '../services.ts'
import { prewarm } from './prewarm.ts'

function engine() {
  const listeners = new Set<(state: EngineState) => void>()
  return {
    listeners,
    tell: (state: EngineState) => {
      for (const listener of listeners) listener(state)
    },
    subscribe(listener: (state: EngineState) => void) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

it('fetches nothing before the engine is ready, then all once, after a pause', async () => {
  const port = engine()
  const ensure = vi.fn(async () => {})
  const waited: number[] = []
  const done = prewarm({ engine: port, served: ['1', '2'], ensure, wait: async (ms) => void waited.push(ms) })
  port.tell({ state: 'absent', receivedBytes: 0 })
  await Promise.resolve()
  expect([ensure.mock.calls.length, waited]).toEqual([0, []])
  port.tell({ state: 'ready', gpu: 'x', software: false })
  port.tell({ state: 'ready', gpu: 'x', software: false })
  await done
  expect(ensure.mock.calls).toEqual([[['1', '2'], expect.any(AbortSignal)]])
  expect(waited).toEqual([1_500])
  expect(port.listeners.size).toBe(0)
})

it('leaves a failure to the question that needs the datanet', async () => {
  const port = engine()
  const done = prewarm({ engine: port, served: ['1'], ensure: () => Promise.reject(new Error('down')), wait: async () => {} })
  port.tell({ state: 'ready', gpu: 'x', software: false })
  await expect(done).resolves.toBeUndefined()
})
