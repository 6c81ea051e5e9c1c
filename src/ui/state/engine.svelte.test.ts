// When the page begins a download by itself, and whom a question waits for.
import { expect, test, vi } from 'vitest'
import type { EngineChoice, EngineFacts, EngineService, EngineState } from '../services.ts'
import { EngineView } from './engine.svelte.ts'

const choice = (id: string, host: string | null = null): EngineChoice => ({
  ...{ id, engine: 'local', name: id, detail: '', needsBytes: 9, host, adapters: true, hindrance: null },
})
const first: EngineFacts = {
  ...{ choices: [choice('a'), choice('b'), choice('web', 'hub.example')], chosen: 'a', proposal: null, demotions: [] },
  ...{ contextTokens: null, tab: 'leader' },
}
const ready: EngineState = { state: 'ready', gpu: '', software: false }

function view(tab: 'leader' | 'follower' = 'leader', metered = false) {
  let state: (state: EngineState) => void = () => {}
  let facts: (facts: EngineFacts) => void = () => {}
  const start = vi.fn()
  const service = {
    subscribe(listener: typeof state) {
      state = listener
      listener({ state: 'checking' })
      return () => {}
    },
    watch(listener: typeof facts) {
      facts = listener
      listener({ ...first, tab })
      return () => {}
    },
    start,
    pause: vi.fn(),
    choose: vi.fn(),
  }
  const engine = new EngineView(service as unknown as EngineService, { saveData: metered })
  return {
    engine,
    start,
    state: (next: EngineState) => state(next),
    facts: (next: Partial<EngineFacts>) => facts({ ...first, tab, ...next }),
  }
}

const absent: EngineState = { state: 'absent', receivedBytes: 0 }

test('the first absence begins the download, once; a metered connection and a second tab begin none', () => {
  const one = view()
  one.state(absent)
  one.state(absent)
  expect(one.start).toHaveBeenCalledOnce()
  for (const other of [view('leader', true), view('follower')]) {
    other.state(absent)
    expect(other.start).not.toHaveBeenCalled()
  }
})

test('a tab that takes over goes on with a download that ran, and not with one that was paused', () => {
  const [running, paused] = [view('follower'), view('follower')]
  for (const tab of [running, paused]) {
    tab.state(absent)
    tab.state({ state: 'downloading', receivedBytes: 1, totalBytes: 9, bytesPerSecond: 1 })
  }
  paused.state({ state: 'absent', receivedBytes: 1 })
  for (const tab of [running, paused]) {
    tab.facts({ tab: 'leader' })
    tab.state({ state: 'absent', receivedBytes: 1 })
  }
  expect(running.start).toHaveBeenCalledOnce()
  expect(paused.start).not.toHaveBeenCalled()
})

test('what lies on a foreign host is never fetched by a choice alone, and is by one that agreed to it', () => {
  const alone = view()
  alone.engine.choose('web')
  alone.facts({ chosen: 'web' })
  alone.state(absent)
  expect(alone.start).not.toHaveBeenCalled()
  const agreed = view('follower')
  agreed.engine.choose('b', true)
  agreed.facts({ chosen: 'b' })
  agreed.state(absent)
  expect(agreed.start).toHaveBeenCalledOnce()
})

test('a question for another model waits until that one is ready, not the one before', async () => {
  const { engine, state, facts } = view()
  state(ready)
  engine.choose('b')
  expect(engine.ready).toBe(false)
  let done = false
  const waiting = engine.whenReady(new AbortController().signal).then(() => {
    done = true
  })
  state(ready)
  await Promise.resolve()
  expect(done).toBe(false)
  state({ state: 'checking' })
  facts({ chosen: 'b' })
  state(ready)
  await waiting
  expect(engine.ready).toBe(true)
  expect(engine.choice.id).toBe('b')
})

test('a GPU that the processor plays is not called a graphics card', () => {
  const { engine, state, facts } = view()
  facts({ choices: [{ ...choice('a'), detail: 'On your graphics card.' }] })
  state({ ...ready, software: true })
  expect(engine.detail).toContain('processor')
  state(ready)
  expect(engine.detail).toBe('On your graphics card.')
  facts({ choices: [{ ...choice('a'), engine: 'cpu', detail: 'On your processor, by hand.' }] })
  state({ ...ready, software: true })
  expect(engine.detail).toBe('On your processor, by hand.')
})
