// One at a time, in order, and a failure passes the turn on.
import { expect, it } from 'vitest'
import { Turns } from './turns.ts'

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
