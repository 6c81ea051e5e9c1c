import { describe, expect, it } from 'vitest'
import { clockOffset } from './clock.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const server = (date: string | null) => (async () => new Response(null, { headers: date === null ? {} : { date } })) as typeof fetch

describe('clock', () => {
  it.each([
    ['an hour ahead', 'Sat, 21 Nov 2026 11:00:00 GMT', -3_600_000],
    ['an hour behind', 'Sat, 21 Nov 2026 13:00:00 GMT', 3_600_000],
    ['right to some seconds', 'Sat, 21 Nov 2026 12:00:09 GMT', 0],
    ['alone', null, 0],
    ['told nonsense', 'yesterday', 0],
  ])('of a machine that is %s', async (_, date, offset) => {
    expect(await clockOffset('/', server(date), () => NOW)).toBe(offset)
  })

  it('is the machine’s own where nobody answers', async () => {
    expect(
      await clockOffset(
        '/',
        () => Promise.reject(new TypeError('offline')),
        () => NOW,
      ),
    ).toBe(0)
  })
})
