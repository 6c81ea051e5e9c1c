// Paid-span candidates and live marks against a quadratic oracle written from the rules.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { buildIndex } from './index/build.ts'
import { layOut, longestPrefix, positionsOf } from './index/substring-oracle.ts'
import { LiveSpans } from './live-spans.ts'
import { matchSpans, type RawSpan, type SpanRules } from './spans.ts'

const SEPARATOR = 0xffff
/** Tokens 0..3 begin words, 4 and 5 go on with one, 6 ends a sentence. */
const FULL_STOP = 6
const rules = (minLength: number, maxCount: number): SpanRules => ({
  minLength,
  maxCount,
  delimiters: new Set([FULL_STOP]),
  wordStart: Uint8Array.of(1, 1, 1, 1, 0, 0, 1),
})

/** The rules of spans.ts, by trying every length of every start. */
function bruteForce(answer: number[], corpora: number[][][], { minLength, maxCount }: SpanRules): Omit<RawSpan, 'occurrences'>[] {
  const texts = corpora.map((documents) => layOut(documents, SEPARATOR))
  const boundary = (at: number) =>
    at <= 0 || at >= answer.length || answer[at - 1] === FULL_STOP || [0, 1, 2, 3, FULL_STOP].includes(answer[at])
  const spans: Omit<RawSpan, 'occurrences'>[] = []
  for (let start = 0; start < answer.length; ) {
    const matched = Math.max(0, ...texts.map((text) => longestPrefix(text, answer.slice(start))))
    const stop = answer.slice(start, start + matched).indexOf(FULL_STOP)
    let length = stop < 0 ? matched : stop + 1
    while (stop < 0 && length > 0 && !boundary(start + length)) length--
    if (!boundary(start) || length < minLength) {
      start++
      continue
    }
    const count = texts.reduce((sum, text) => sum + positionsOf(text, answer.slice(start, start + length)).length, 0)
    spans.push({ start, length, count, tooCommon: count > maxCount })
    start += length
  }
  return spans
}

/** Answers spliced from the corpus, so that long matches are usual. */
const cases = fc
  .record({
    corpora: fc.array(fc.array(fc.array(fc.nat(6), { maxLength: 14 }), { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 2 }),
    pieces: fc.array(fc.record({ pick: fc.nat(), from: fc.nat(12), length: fc.integer({ min: 1, max: 8 }), filler: fc.nat(6) }), {
      maxLength: 5,
    }),
    minLength: fc.integer({ min: 1, max: 4 }),
    maxCount: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ corpora, pieces, ...limits }) => {
    const filled = corpora.map((documents) => [...documents, [0]])
    const documents = filled.flat()
    const answer = pieces.flatMap(({ pick, from, length, filler }) => [
      ...documents[pick % documents.length].slice(from, from + length),
      filler,
    ])
    return { corpora: filled, answer, rules: rules(limits.minLength, limits.maxCount) }
  })

test('the same spans as the definition', () => {
  fc.assert(
    fc.property(cases, ({ corpora, answer, rules }) => {
      const indexes = corpora.map((documents) => buildIndex(documents))
      const spans = matchSpans(answer, indexes, rules)
      expect(spans.map(({ occurrences: _, ...span }) => span)).toEqual(bruteForce(answer, corpora, rules))
      for (const { start, length, count, tooCommon, occurrences } of spans) {
        expect(occurrences.length).toBe(tooCommon ? 1 : count)
        expect(new Set(occurrences.map(({ index, document, position }) => `${index}:${document}:${position}`)).size).toBe(
          occurrences.length,
        )
        for (const { index, document, position } of occurrences)
          expect(corpora[index][document].slice(position, position + length)).toEqual(answer.slice(start, start + length))
      }
    }),
    { numRuns: 400 },
  )
})

describe('live marks', () => {
  const marksOf = (answer: number[], indexes: ReturnType<typeof buildIndex>[], rules: SpanRules) =>
    matchSpans(answer, indexes, rules)
      .filter((span) => !span.tooCommon)
      .map(({ start, length }) => ({ start, length }))
  const shapeOf = (marks: { start: number; length: number }[]) => marks.map(({ start, length }) => ({ start, length }))

  test('token by token, always those of the text so far', () => {
    fc.assert(
      fc.property(cases, ({ corpora, answer, rules }) => {
        const indexes = corpora.map((documents) => buildIndex(documents))
        const live = new LiveSpans(indexes, rules)
        for (let length = 0; length <= answer.length; length++) {
          const marks = live.update(answer.slice(0, length))
          expect(shapeOf(marks)).toEqual(marksOf(answer.slice(0, length), indexes, rules))
          expect(marks.filter(({ provisional }) => provisional).length).toBeLessThanOrEqual(1)
        }
      }),
      { numRuns: 250 },
    )
  })

  test('when the tokeniser rewrites the end, as if the rewritten text had come at once', () => {
    fc.assert(
      fc.property(cases, cases, fc.nat(20), ({ corpora, answer, rules }, { answer: other }, keep) => {
        const indexes = corpora.map((documents) => buildIndex(documents))
        const rewritten = [...answer.slice(0, keep), ...other]
        const live = new LiveSpans(indexes, rules)
        live.update(answer)
        expect(shapeOf(live.update(rewritten))).toEqual(marksOf(rewritten, indexes, rules))
      }),
      { numRuns: 250 },
    )
  })

  test('a mark that is not provisional stays while text is only added', () => {
    fc.assert(
      fc.property(cases, ({ corpora, answer, rules }) => {
        const live = new LiveSpans(
          corpora.map((documents) => buildIndex(documents)),
          rules,
        )
        let settled: string[] = []
        for (let length = 1; length <= answer.length; length++) {
          const now = live.update(answer.slice(0, length)).filter(({ provisional }) => !provisional)
          const names = now.map((mark) => `${mark.start}+${mark.length}`)
          expect(names.slice(0, settled.length)).toEqual(settled)
          settled = names
        }
      }),
      { numRuns: 100 },
    )
  })
})

test('the separator is no word of an answer', () => {
  const index = buildIndex([[1, 2, 3]])
  expect(() => matchSpans([1, SEPARATOR, 2], [index], rules(1, 1))).toThrow(expect.objectContaining({ code: 'query_invalid' }))
})

test('nothing to search gives nothing', () => {
  expect(matchSpans([1, 2, 3], [], rules(1, 64))).toEqual([])
  expect(matchSpans([], [buildIndex([[1, 2]])], rules(1, 64))).toEqual([])
})
