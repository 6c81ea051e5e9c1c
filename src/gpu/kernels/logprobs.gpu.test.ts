// Log probabilities told on the device against f64: of the model itself, whatever was drawn and however the logits were changed.
import { expect, it } from 'vitest'
import { type Draw, greedy, mostLogprobs } from '../model/draw.ts'
import { Sampler } from '../model/sampler.ts'
import { logSum } from '../model/surprise.ts'
import { openLab } from './lab.testing.ts'
import { logprobs, readTold, toldWords, wordsTold } from './logprobs.ts'
import { noise } from './noise.testing.ts'
import { editsOf, penalise } from './penalise.ts'
import { drawRows } from './sample.ts'

const lab = await openLab()
/** What replay.ts allows is a hundred times as much. */
const bound = 1e-4

/** Every row's words, with `ids` chosen; penalties of the draws are laid on before. */
async function told(rows: Float32Array[], draws: Draw[], ids: number[], threads: 16 | 256): Promise<Uint32Array[]> {
  const vocab = rows[0].length
  const list = editsOf(draws)
  const edited = list.length / 4
  const logits = await lab.buffer(Float32Array.from(rows.flatMap((row) => [...row])))
  const settings = await lab.buffer(drawRows(draws))
  const edits = edited > 0 ? await lab.buffer(list) : settings
  const count = await lab.uniform(new Uint32Array([edited, 0, 0, 0]))
  const words = await lab.buffer(new Uint32Array(rows.length * toldWords).fill(7))
  const chosen = await lab.buffer(Uint32Array.from(ids))
  await lab.run(
    [
      ...(edited > 0 ? [penalise({ edits, settings, count, logits, vocab }, () => edited)] : []),
      logprobs({ logits, settings, edits, count, chosen, told: words, vocab, threads }),
    ],
    { rows: 9, picks: rows.length },
  )
  const all = await lab.words(words, rows.length * toldWords)
  return rows.map((_, row) => all.slice(row * toldWords, (row + 1) * toldWords))
}

/** The k likeliest ids, the lowest first among equals. */
const likeliest = (row: Float32Array, k: number) => [...row.keys()].sort((a, b) => row[b] - row[a] || a - b).slice(0, k)

const asking = (count: number | null): Draw => ({ ...greedy, logprobs: count })

it.each([1, 2, 3, 7, 64, 133, 1000, 49_152])('of a vocabulary of %i', async (vocab) => {
  const rows = [0.5, 4, 30].map((scale, i) => noise(vocab, 10 + i).map((x) => x * scale))
  rows.push(noise(vocab, 20).map((x) => Math.round(3 * x)))
  const counts = [0, 5, mostLogprobs, 3]
  const ids = rows.map((_, i) => Math.floor(((i + 1) * (vocab - 1)) / 5))
  for (const threads of [256, 16] as const) {
    const found = await told(rows, counts.map(asking), ids, threads)
    rows.forEach((row, i) => {
      const words = wordsTold(counts[i], vocab)
      const { own, top } = readTold(found[i].slice(0, words))
      const sum = logSum(row)
      expect(Math.abs(own - (row[ids[i]] - sum))).toBeLessThan(bound)
      expect(top.map(({ id }) => id)).toEqual(likeliest(row, counts[i]))
      for (const { id, logprob } of top) expect(Math.abs(logprob - (row[id] - sum))).toBeLessThan(bound)
      expect([...found[i].slice(words)]).toEqual(Array(toldWords - words).fill(7))
    })
  }
})

it('where a few tokens outweigh a vocabulary of others that together still count', async () => {
  // Each of the small ones is less than half a unit in the last place of a thread's sum; all of them are 4.7e-4 of it.
  const row = new Float32Array(151_936).fill(Math.log(5e-8))
  row.fill(0, 0, 16)
  for (const threads of [256, 16] as const) {
    const [words] = await told([row], [asking(0)], [0], threads)
    expect(Math.abs(readTold(words.slice(0, 1)).own + logSum(row))).toBeLessThan(bound)
  }
})

it('of the model itself: as if no penalty, bias or mask had been', async () => {
  const vocab = 300
  const samplers = [
    new Sampler({ temperature: 1, seed: 1, repetitionPenalty: 1.3, logprobs: 4 }, [1, 2, 3, 250]),
    new Sampler({ temperature: 1, seed: 2 }),
    new Sampler({ temperature: 0, presencePenalty: 7, frequencyPenalty: 4, logitBias: { 7: 30, 299: -100 }, logprobs: 0 }, [9]),
    new Sampler({ temperature: 0, logitBias: { 5: 100 } }),
  ]
  for (const sampler of samplers) for (const id of [4, 4, 7, 150]) sampler.push(id)
  const draws = samplers.map((sampler) => sampler.draw())
  const rows = draws.map((_, i) => noise(vocab, 40 + i).map((x) => 6 * x))
  const ids = [250, 4, 7, 5]
  const found = await told(rows, draws, ids, 256)
  for (const [i, count] of [4, null, 0, null].entries()) {
    if (count === null) {
      expect([...found[i]]).toEqual(Array(toldWords).fill(7))
      continue
    }
    const { own, top } = readTold(found[i].slice(0, wordsTold(count, vocab)))
    expect(Math.abs(own - (rows[i][ids[i]] - logSum(rows[i])))).toBeLessThan(bound)
    expect(top.map(({ id }) => id)).toEqual(likeliest(rows[i], count))
  }
})
