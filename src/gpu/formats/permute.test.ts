import { expect, it } from 'vitest'
import { unpermuteRows } from './permute.ts'

it('brings the pairs 2i, 2i + 1 of each head to i, i + d/2, whole rows at a time', () => {
  // Two heads of 6 rows, 2 bytes each; the byte says which original row of which head it is, in stored order.
  const stored = [0, 3, 1, 4, 2, 5, 10, 13, 11, 14, 12, 15].flatMap((row) => [row, 100 + row])
  const expected = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15].flatMap((row) => [row, 100 + row])
  expect([...unpermuteRows(Uint8Array.from(stored), 2, 6)]).toEqual(expected)
})
