// Reads the reference vectors of test/vectors/engine, for tests. Their README says what they are.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'

export const vectorsFolder = join(import.meta.dirname, '../../test/vectors/engine')

export interface PromptVector {
  name: string
  prompt: string
  tokens: number[]
  logits: string
  greedy: number[]
}

export interface TinyVector {
  file: string
  cases: { tokens: number[]; text?: string; logits: string; greedy: number[]; greedy_text: string }[]
}

export function vectorJson<T>(...path: string[]): T {
  return JSON.parse(readFileSync(join(vectorsFolder, ...path), 'utf8')) as T
}

/** A file of little-endian f32, packed or not. */
export function vectorFloats(...path: string[]): Float32Array {
  const packed = readFileSync(join(vectorsFolder, ...path))
  const bytes = path.at(-1)?.endsWith('.gz') ? gunzipSync(packed) : packed
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length))
}

/** max |a_i − b_i|; infinite when the lengths differ or a value is no number. */
export function maxDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let worst = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i])
    if (!(difference <= worst)) worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return worst
}
