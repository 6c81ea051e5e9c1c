// One at a time, in order, and a failure passes the turn on.
import { expect, it } from 'vitest'
import { Turns, Workers } from './turns.ts'

it('never overlaps, keeps the order and survives failures', async () => {
  const turns = new Turns()
  const log: string[] = []
  const work = (name: string, ms: number, fails = false) =>
    turns.take(async () => {
      log.push(`${name} begins`)
      await new Promise((resolve) => setTimeout(resolve, ms))
      log.push(`${name} ends`)
      if (fails) throw new Error(name)
      return name
    })
  expect(turns.free).toBe(true)
  const results = Promise.allSettled([work('a', 5), work('b', 1, true), work('c', 0)])
  expect(turns.free).toBe(false)
  expect((await results).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends'])
  expect(turns.free).toBe(true)
})

it('knows when nobody is at work, whatever way the work ended', async () => {
  const workers = new Workers()
  const log: string[] = []
  const free = () => void workers.none().then(() => log.push('free'))
  const soon = () => new Promise((resolve) => setTimeout(resolve, 0))
  await workers.none()
  async function* events() {
    yield 1
    yield 2
  }
  let finish = () => {}
  const long = workers.during(() => new Promise<void>((resolve) => (finish = resolve)))
  const failing = workers.during(() => Promise.reject(new Error('no')))
  free()
  await expect(failing).rejects.toThrow('no')
  for await (const event of workers.through(events())) {
    log.push(`event ${event}`)
    break
  }
  await soon()
  expect(log).toEqual(['event 1'])
  finish()
  await long
  await soon()
  expect(log).toEqual(['event 1', 'free'])
})
