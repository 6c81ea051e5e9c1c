import { expect, test } from 'vitest'
import { Seats } from './seats.ts'

test('as many as there are seats at once, the others in their order, each seat given back once', async () => {
  const seats = new Seats(2)
  const came: number[] = []
  const leave: (() => void)[] = []
  for (const guest of [0, 1, 2, 3]) {
    void seats.take().then((end) => {
      came.push(guest)
      leave[guest] = end
    })
  }
  const settled = () => new Promise((resolve) => setTimeout(resolve, 0))
  await settled()
  expect(came).toEqual([0, 1])
  leave[1]!()
  leave[1]!()
  await settled()
  expect(came).toEqual([0, 1, 2])
  leave[0]!()
  await settled()
  expect(came).toEqual([0, 1, 2, 3])
})
