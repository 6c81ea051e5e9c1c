// How long a notice stays: never gone before somebody could have seen it.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Notices } from './notices.svelte.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

test('what is said while the page is out of sight waits until it is looked at', async () => {
  const page = Object.assign(new EventTarget(), { hidden: true })
  const notices = new Notices(page as unknown as Document)
  notices.done('The answer is here.')
  await vi.advanceTimersByTimeAsync(60_000)
  expect([notices.list.length, notices.unseen]).toEqual([1, true])
  page.hidden = false
  page.dispatchEvent(new Event('visibilitychange'))
  expect(notices.unseen).toBe(false)
  await vi.advanceTimersByTimeAsync(7000)
  expect(notices.list).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(2000)
  expect(notices.list).toEqual([])
})

test('in sight it goes by itself, and an error stays', async () => {
  const notices = new Notices()
  notices.done('Deleted.')
  notices.problem(new Error('broken'))
  expect(notices.unseen).toBe(false)
  await vi.advanceTimersByTimeAsync(9000)
  expect(notices.list.map(({ kind }) => kind)).toEqual(['problem'])
})
