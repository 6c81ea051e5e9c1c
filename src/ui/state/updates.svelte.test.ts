import { expect, it, vi } from 'vitest'
import { Notices } from './notices.svelte.ts'
import { Updates } from './updates.svelte.ts'

class Worker extends EventTarget {
  state = 'installing'
  posted: unknown[] = []
  postMessage(message: unknown) {
    this.posted.push(message)
  }
}

function browser(registration: object | undefined) {
  const serviceWorker = Object.assign(new EventTarget(), { register: vi.fn(async () => registration) })
  const reload = vi.fn()
  const window = Object.assign(new EventTarget(), { navigator: { onLine: true, serviceWorker }, location: { reload } })
  return { window: window as unknown as Window, serviceWorker, reload }
}

it('takes a waiting version when asked, and never under a running answer', async () => {
  vi.useFakeTimers()
  const waiting = new Worker()
  const registration = Object.assign(new EventTarget(), { waiting, active: {}, update: async () => {} })
  const { window, serviceWorker, reload } = browser(registration)
  let busy = true
  const updates = new Updates(window, () => busy, new Notices())
  await updates.begin('/service-worker.js')
  expect(updates.waiting).toBe(true)
  const taken = updates.take()
  await vi.advanceTimersByTimeAsync(5000)
  expect(updates.postponed).toBe(true)
  expect(waiting.posted).toEqual([])
  busy = false
  await vi.advanceTimersByTimeAsync(300)
  await taken
  expect(waiting.posted).toEqual(['take over'])
  expect(reload).not.toHaveBeenCalled()
  serviceWorker.dispatchEvent(new Event('controllerchange'))
  expect(reload).toHaveBeenCalledTimes(1)
  vi.useRealTimers()
})

it('says nothing of the first version, and tells of the next', async () => {
  const registration = Object.assign(new EventTarget(), { waiting: null, active: null as object | null, installing: new Worker() })
  const { window } = browser(registration)
  const updates = new Updates(window, () => false, new Notices())
  await updates.begin('/service-worker.js')
  const installed = () => {
    registration.dispatchEvent(new Event('updatefound'))
    registration.installing.state = 'installed'
    registration.installing.dispatchEvent(new Event('statechange'))
  }
  installed()
  expect(updates.waiting).toBe(false)
  registration.active = {}
  registration.installing = new Worker()
  installed()
  expect(updates.waiting).toBe(true)
  updates.later()
  expect(updates.waiting).toBe(false)
})

it('lives without service workers', async () => {
  const { window } = browser(undefined)
  const updates = new Updates(window, () => false, new Notices())
  await updates.begin('/service-worker.js')
  expect(updates.waiting).toBe(false)
  window.dispatchEvent(new Event('offline'))
  expect(updates.online).toBe(false)
})
