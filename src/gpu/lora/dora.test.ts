// A DoRA adapter as PEFT saved it, against what PEFT computed with it (test/vectors/engine/dora.json: a q_proj of 16 → 12 and a
// v_proj of 16 → 6 with a bias, rank 3, alpha 7, magnitudes off by a third).
import { expect, it } from 'vitest'
import { tinyModel } from '../../../scripts/tiny-model.ts'
import vector from '../../../test/vectors/engine/dora.json'
import { memorySource } from '../formats/bytes.testing.ts'
import { ensemble } from '../formats/ensemble.ts'
import { readGguf } from '../formats/gguf.ts'
import { floatDelta, type LoraDelta, readPeft } from '../formats/peft.ts'
import { modelConfig } from '../model/config.ts'
import { doraGain } from './dora.ts'

const shape = { layers: 1, hidden: 16, heads: 2, kvHeads: 1, headDim: 6 }
const config = { ...modelConfig(await readGguf(memorySource(tinyModel()))), ...shape }
const weights = Uint8Array.from(atob(vector.weights), (character) => character.charCodeAt(0))
const files = { config: JSON.stringify(vector.config), weights }

function output(delta: LoraDelta, W: number[], x: number[], bias: number[] | null): number[] {
  const { A, B, rank, scale } = floatDelta(delta)
  const inputs = 16
  const dot = (a: ArrayLike<number>, from: number, b: number[]) => b.reduce((sum, value, i) => sum + a[from + i] * value, 0)
  const gain = doraGain(delta, (o, into) => into.set(W.slice(o * inputs, (o + 1) * inputs)))
  const z = Array.from({ length: rank }, (_, r) => dot(A, r * inputs, x))
  return [...gain].map((g, o) => g * (dot(W, o * inputs, x) + scale * dot(B, o * rank, z)) + (bias?.[o] ?? 0))
}

it('gives PEFT’s outputs', () => {
  const [q, v] = readPeft(files, config).deltas
  for (const token of [0, 1]) {
    const x = vector.x.slice(16 * token, 16 * (token + 1))
    output(q, vector.q, x, null).forEach((value, o) => {
      expect(value).toBeCloseTo(vector.qOut[12 * token + o], 5)
    })
    output(v, vector.v, x, vector.bias).forEach((value, o) => {
      expect(value).toBeCloseTo(vector.vOut[6 * token + o], 5)
    })
  }
})

it('is refused where its magnitudes would be wrong: in an ensemble, with groups, without tensors', () => {
  expect(() => ensemble([files], config)).toThrow(expect.objectContaining({ code: 'adapter_unsupported' }))
  const grouped = { ...vector.config, open_chat: { groups: [{ name: 'a', rank: 3 }] } }
  const read = (json: unknown) => () => readPeft({ config: JSON.stringify(json), weights }, config)
  expect(read(grouped)).toThrow(expect.objectContaining({ code: 'adapter_unsupported' }))
  expect(read({ ...vector.config, use_dora: false })).toThrow(expect.objectContaining({ code: 'adapter_mismatch' }))
})

it('names a row that vanishes', () => {
  const [q] = readPeft(files, config).deltas
  const nothing = { ...q, B: new Float32Array(12 * q.rank) }
  expect(() => doraGain(nothing, (_, into) => into.fill(0))).toThrow(expect.objectContaining({ code: 'adapter_invalid' }))
})
