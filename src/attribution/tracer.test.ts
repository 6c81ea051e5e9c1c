import fc from 'fast-check'
import { beforeAll, describe, expect, it } from 'vitest'
import { decodeContent } from './receipt-codec.ts'
import { ownWords, stretches } from './tracer-prompt.ts'
import { normalise, tokenOffsets } from './tracer-text.ts'
import type { Trace } from './types.ts'
import { answerText, promptText, quoted, type SmallWorld, shared, smallWorld } from './verify.testing.ts'

let world: SmallWorld
beforeAll(async () => {
  world = await smallWorld()
})

const paidTexts = (trace: Trace, answer: string) => trace.spans.map(({ from, to }) => answer.slice(from, to))
const owners = (trace: Trace) => trace.spans.map(({ index, document }) => trace.documents[`${index}:${document}`].author)

describe('a trace', () => {
  it('pays the earliest of two authors and the retrieved text, and splits the fee to the wei', () => {
    const { trace } = world
    expect(paidTexts(trace, answerText)).toEqual([shared, quoted])
    expect(owners(trace)).toEqual(['Ada', 'Dot'])
    expect(trace.spans[0].count).toBe(3)
    expect(trace.shares.reduce((sum, { amount }) => sum + amount, 0n)).toBe(trace.fee)
    expect(trace.spans.every(({ amount }) => amount > 0n)).toBe(true)
    expect(trace.paidTokens).toBe(trace.spans[0].length + trace.spans[1].length)
    expect(trace.unpaid.map(({ reason }) => reason)).toEqual(['below_tau'])
  })

  it('credits words from a source, and not the same words typed by the visitor', () => {
    const typed = world.traceOf(answerText, `I read: ${quoted}`)
    expect(owners(typed)).toEqual(['Ada'])
    expect(typed.unpaid.find(({ reason }) => reason === 'in_prompt')).toMatchObject({ index: 1, document: 0 })
    // Written at the start of a line, the first word is another token; it must not slip through.
    expect(owners(world.traceOf(answerText, quoted.trim()))).toEqual(['Ada'])
  })

  it('does not let typed words carry the rest of a sentence', () => {
    const long = ` Then winter came, and snow fell over quiet fields for days.`
    const typed = ' Then winter came, and snow fell over'
    expect(paidTexts(world.traceOf(`So:${long}`, promptText), `So:${long}`)).toEqual([long])
    expect(world.traceOf(`So:${long}`, `Why "${typed}"?`).spans).toEqual([])
  })

  it('pays nobody for what was neither learned nor retrieved, and says where it stands', () => {
    const trace = world.traceOf(answerText, promptText, { lineage: [], retrieved: [] })
    expect(trace.spans).toEqual([])
    expect(trace.unpaid.map(({ reason }) => reason)).toEqual(['not_eligible', 'not_eligible', 'not_eligible'])
    expect(trace.shares).toEqual([{ account: world.context.parameters.commons, amount: trace.fee }])
  })

  it('pays the retrieved copy when the earlier one is not eligible, and lists that one', () => {
    const trace = world.traceOf(answerText, promptText, { lineage: [], retrieved: [0] })
    expect(owners(trace)).toEqual(['Dot', 'Dot'])
    const earlier = trace.unpaid.find(({ from }) => from === trace.spans[0].from)
    expect(earlier).toMatchObject({ reason: 'not_eligible', index: 0, document: 0 })
  })

  it('gives the commons everything for an empty answer', () => {
    const trace = world.traceOf('', '')
    expect(trace).toMatchObject({ spans: [], unpaid: [], answerTokens: 0, totalSurprisal: 0n })
    expect(trace.shares.map(({ amount }) => amount)).toEqual([trace.fee])
  })

  it('is what the draft commits to', () => {
    const content = decodeContent(world.receipt.content)
    expect(content.spans.map(({ start, amount }) => [start, amount])).toEqual(world.trace.spans.map(({ start, amount }) => [start, amount]))
    expect(content.commons + content.spans.reduce((sum, { amount }) => sum + amount, 0n)).toBe(content.fee)
  })
})

describe('the visitor’s own words', () => {
  const rules = { minLength: 4, maxCount: 64, delimiters: new Set<number>(), wordStart: () => true }

  it('are exactly the tokens of common runs', () => {
    const tokens = fc.array(fc.nat(3), { maxLength: 30 })
    fc.assert(
      fc.property(tokens, tokens, (answer, prompt) => {
        const own = ownWords(answer, prompt, rules)
        const text = `,${prompt.join()},`
        answer.forEach((_, i) => {
          const inRun = [i - 2, i - 1, i].some(
            (from) => from >= 0 && from + 3 <= answer.length && text.includes(`,${answer.slice(from, from + 3).join()},`),
          )
          expect(own[i] === 1).toBe(inRun)
        })
        expect(stretches(own).flatMap(({ start, end, own }) => Array.from({ length: end - start }, () => Number(own)))).toEqual([...own])
      }),
    )
  })

  it('take the whole of a word they cut', () => {
    const wordStart = (token: number) => token < 10
    expect([...ownWords([1, 12, 2, 3, 14, 15, 4], [12, 2, 3, 14], { ...rules, wordStart })]).toEqual([1, 1, 1, 1, 1, 1, 0])
  })
})

describe('text and tokens', () => {
  const bytes = (text: string) => new TextEncoder().encode(text)

  it('offsets follow the bytes, also through split and dropped characters', () => {
    const text = 'a é😀b'
    const all = bytes(text)
    const pieces = [all.slice(0, 1), all.slice(1, 3), all.slice(3, 4), all.slice(4, 6), all.slice(6)]
    expect([...tokenOffsets(text, pieces)]).toEqual([0, 1, 2, 3, 3, 6])
    expect([...tokenOffsets('x\u{1F600}yz', [bytes('x'), bytes('y'), bytes('z')])]).toEqual([0, 3, 4, 5])
    expect([...tokenOffsets('', [])]).toEqual([0])
  })

  it('marks belong to the text as shown when NFC changes it', () => {
    const original = 'Cafe\u0301 ole\u0301!'
    const { text, toOriginal } = normalise(original)
    expect(text).toBe('Café olé!')
    expect([4, 5, 8, 9].map(toOriginal)).toEqual([5, 6, 10, 11])
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (any) => {
        const nfc = normalise(any)
        const ends = Array.from({ length: nfc.text.length + 1 }, (_, i) => nfc.toOriginal(i))
        expect([ends[0], ends.at(-1)]).toEqual([0, any.length])
        expect(ends).toEqual([...ends].sort((a, b) => a - b))
      }),
    )
  })
})
