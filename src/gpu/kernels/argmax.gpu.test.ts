// The lowest of equal maxima wins, whatever thread saw it; NaN never does.
import { expect, it } from 'vitest'
import { argmax } from './argmax.ts'
import { openLab } from './lab.testing.ts'
import { noise } from './noise.testing.ts'

const lab = await openLab()

it.each([1, 2, 3, 7, 64, 133, 1000])('vocabulary of %i', async (vocab) => {
  const plain = noise(vocab, 3)
  const tied = noise(vocab, 4).map((x) => Math.round(3 * x))
  const holed = noise(vocab, 5).map((x, i) => (i % 5 === 0 && vocab > 1 ? Number.NaN : x))
  const low = new Float32Array(vocab).fill(-1e30)
  const rows = [plain, tied, holed, low]
  const logits = await lab.buffer(Float32Array.from(rows.flatMap((row) => [...row])))
  const expected = rows.map((row) => row.reduce((best, x, i) => (x > row[best] || Number.isNaN(row[best]) ? i : best), 0))
  for (const threads of [16, 256] as const) {
    const token = await lab.buffer(rows.length)
    const tokens = await lab.buffer(rows.length)
    await lab.run([argmax({ logits, token, tokens, vocab, threads })], { rows: 9, picks: rows.length })
    expect([...(await lab.words(token, rows.length))]).toEqual(expected)
    expect([...(await lab.words(tokens, rows.length))]).toEqual(expected)
  }
})
