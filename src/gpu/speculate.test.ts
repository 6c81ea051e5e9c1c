// When guesses are made and when they are left off, with a runner whose time is told; and the look-up of last tokens.
import { describe, expect, it } from 'vitest'
import { greedy } from './model/draw.ts'
import { promptProposer } from './prompt-proposer.ts'
import { Speculation } from './speculate.ts'
import type { Proposer } from './types.ts'

describe('the look-up', () => {
  it('continues the longest match, of equals the latest', () => {
    const text = [1, 2, 3, 4, 9, 2, 3, 5, 8, 2, 3, 6, 1, 2, 3]
    expect(promptProposer.propose(text, 2, 2)).toEqual([4, 9])
    expect(promptProposer.propose(text.slice(4), 2, 2)).toEqual([6, 1])
    expect(promptProposer.propose(text, 2, 4)).toEqual([])
  })

  it('has nothing to say of what it never saw, and of nothing', () => {
    expect(promptProposer.propose([1, 2, 3], 4, 1)).toEqual([])
    expect(promptProposer.propose([], 4, 1)).toEqual([])
  })
})

/** A model that says 0, 1, 2, … and a clock that its passes move on. */
function world(proposer: Proposer, guessMs: (guesses: number) => number) {
  let now = 0
  const steps: { guesses: number; more: boolean }[] = []
  const sequence = { adapter: '', tokens: [] as number[], pages: [] }
  const speculation = new Speculation({
    ...{ sequence, proposer, prompt: [], contextTokens: 100_000, now: () => now },
    sampler: { draw: () => greedy, foresees: true },
    runner: {
      async step({ token, more }) {
        now += 10
        steps.push({ guesses: 0, more })
        return { id: token + 1 }
      },
      async guess(_, token, guesses) {
        now += guessMs(guesses.length)
        steps.push({ guesses: guesses.length, more: false })
        const right = guesses.findIndex((guess, i) => guess !== token + 1 + i)
        return Array.from({ length: 1 + (right < 0 ? guesses.length : right) }, (_, i) => ({ id: token + 1 + i }))
      },
    },
  })
  const run = async (tokens: number) => {
    let token = 0
    for (let i = 0; i < tokens; i++) {
      const { id } = await speculation.step(token, 1000)
      expect(id).toBe(token + 1)
      token = id
    }
    return now
  }
  return { speculation, steps, run }
}

const right: Proposer = { propose: (tokens, most) => Array.from({ length: most }, (_, i) => tokens.at(-1)! + 1 + i) }
const nothing: Proposer = { propose: () => [] }
const wrong: Proposer = { propose: () => [-1, -1, -1] }
/** One guess out of five tokens, and that one right. */
const seldom: Proposer = { propose: (tokens, most) => (tokens.length % 5 === 4 ? right.propose(tokens, most, 0).slice(0, 1) : []) }

describe('the steps', () => {
  it('are drafted further and further while guesses are right', async () => {
    const { speculation, steps, run } = world(right, (guesses) => 5 + guesses)
    await run(100)
    expect(steps.map(({ guesses }) => guesses).slice(0, 5)).toEqual([0, 3, 7, 15, 15])
    expect(speculation.counts.accepted).toBe(speculation.counts.drafted)
    expect(steps.length).toBeLessThan(12)
  })

  it('cost little more than plain ones where guesses are always wrong: one in a hundred is drafted', async () => {
    const { steps, run } = world(wrong, () => 20)
    const ms = await run(1000)
    const passes = steps.filter(({ guesses }) => guesses > 0).length
    expect(passes).toBeGreaterThan(3)
    expect(passes).toBeLessThanOrEqual(11)
    expect(ms).toBeLessThan((1000 * 10) / 0.97)
  })

  it('are those of an answer without a proposer where nobody has a guess, but the first few', async () => {
    const { steps, run } = world(nothing, () => 20)
    await run(1000)
    expect(steps).toHaveLength(1000)
    expect(steps.every(({ guesses }) => guesses === 0)).toBe(true)
    expect(steps.filter(({ more }) => !more).length).toBeLessThanOrEqual(4)
  })

  it('are drafted again when a guess comes after a long silence, one step later', async () => {
    const late: Proposer = { propose: (tokens, most, least) => (tokens.length < 200 ? [] : right.propose(tokens, most, least)) }
    const { steps, run } = world(late, (guesses) => 5 + guesses)
    await run(300)
    const first = steps.findIndex(({ guesses }) => guesses > 0)
    expect(first).toBe(200)
    expect(steps[first - 1].more).toBe(false)
    expect(steps.slice(first).filter(({ guesses }) => guesses === 0).length).toBeLessThan(3)
  })

  it('run ahead of their readback while guessing rests, and never under a guess', async () => {
    const { steps, run } = world(wrong, () => 20)
    await run(400)
    expect(steps.some(({ more }) => more)).toBe(true)
    for (const [i, { guesses }] of steps.entries()) if (guesses > 0 && i > 0) expect(steps[i - 1].more).toBe(false)
  })

  it('go on where guesses are few but pay', async () => {
    const { speculation, run } = world(seldom, () => 15)
    await run(200)
    expect(speculation.counts.passes).toBeGreaterThan(30)
  })
})
