import { expect, test } from 'vitest'
import { Wake } from './wake.ts'

function screen() {
  const seen = { visible: true, held: 0, asked: 0 }
  const page = new EventTarget()
  const locks: EventTarget[] = []
  const wake = new Wake({
    wakeLock: {
      request: async () => {
        seen.asked++
        seen.held++
        const lock = Object.assign(new EventTarget(), {
          release: async () => {
            seen.held--
            lock.dispatchEvent(new Event('release'))
          },
        })
        locks.push(lock)
        return lock as unknown as WakeLockSentinel
      },
    },
    document: {
      get visibilityState() {
        return seen.visible ? ('visible' as const) : ('hidden' as const)
      },
      addEventListener: page.addEventListener.bind(page),
    },
  })
  const turn = (visible: boolean) => {
    seen.visible = visible
    page.dispatchEvent(new Event('visibilitychange'))
  }
  return { seen, wake, locks, turn }
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0))

test('one lock for all reasons, released after the last', async () => {
  const { seen, wake } = screen()
  const [first, second] = [wake.hold(), wake.hold()]
  await settled()
  expect(seen).toMatchObject({ held: 1, asked: 1 })
  first()
  first()
  await settled()
  expect(seen.held).toBe(1)
  second()
  await settled()
  expect(seen.held).toBe(0)
})

test('asked again when the page is seen again and there is still work', async () => {
  const { seen, wake, locks, turn } = screen()
  const end = wake.hold()
  await settled()
  seen.held = 0
  seen.visible = false
  locks[0]!.dispatchEvent(new Event('release'))
  await settled()
  turn(true)
  await settled()
  expect(seen).toMatchObject({ held: 1, asked: 2 })
  turn(false)
  end()
  await settled()
  expect(seen.held).toBe(0)
  turn(true)
  await settled()
  expect(seen.asked).toBe(2)
})
