import { describe, expect, it } from 'vitest'
import {
  type AttributionParameters,
  boundaryDigest,
  defaultParameters,
  parametersBytes,
  parametersHash,
  tokenizerDigest,
} from './parameters.ts'

const hash = (byte: string) => `0x${byte.repeat(32)}` as const
const defaults = defaultParameters(hash('01'), hash('02'))

describe('parameters', () => {
  it('are nine words, and every field moves the hash', () => {
    expect(parametersBytes(defaults)).toHaveLength(9 * 32)
    const changes: Partial<AttributionParameters>[] = [
      { tokenizer: hash('09') },
      { minLength: 9 },
      { maxCount: 63 },
      { tauQ16: defaults.tauQ16 + 1 },
      { boundaries: hash('09') },
      { fee: 1n },
      { commons: `0x${'09'.repeat(20)}` },
      { calibration: hash('09') },
    ]
    const hashes = [{}, ...changes].map((change) => parametersHash({ ...defaults, ...change }))
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  it('name their tokeniser and boundary sets by content, not by order of insertion', () => {
    const wordStart = Uint8Array.of(1, 0, 1)
    const digest = boundaryDigest({ delimiters: new Set([3, 1]), wordStart })
    expect(boundaryDigest({ delimiters: new Set([1, 3]), wordStart })).toBe(digest)
    expect(boundaryDigest({ delimiters: new Set([1]), wordStart })).not.toBe(digest)
    expect(boundaryDigest({ delimiters: new Set([3, 1]), wordStart: Uint8Array.of(1, 1, 1) })).not.toBe(digest)
    expect(tokenizerDigest(['a', 'b'], ['a b'])).not.toBe(tokenizerDigest(['a', 'b', 'a b'], []))
  })
})
