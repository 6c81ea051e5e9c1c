// Faces in a lab's pools, through the same packing and the same table words as on the engine's path.
import { expect } from 'vitest'
import type { AdaptedShape, LoraDelta } from '../formats/peft.ts'
import { faceHeads, faceSegments } from '../lora/face.ts'
import { type PackedNumbers, packAdapter, siteCount } from '../lora/packed-adapter.ts'
import type { AdapterPrecision } from './adapter-precision.ts'
import type { openLab } from './lab.testing.ts'

type Lab = Awaited<ReturnType<typeof openLab>>

/** @param faces of slots 1, 2, …; slot 0 is empty. Their numbers all halves, or all not. */
export async function placeFaces(
  lab: Lab,
  shape: AdaptedShape,
  precision: AdapterPrecision,
  faces: readonly { deltas: LoraDelta[]; weight?: number }[][],
) {
  const sites = siteCount(shape)
  const [A, B]: [number[], number[]] = [[], []]
  const heads: number[] = new Array<number>(sites * 4).fill(0)
  const segments: number[] = []
  const first = (faces.length + 1) * sites
  for (const face of faces) {
    const members = face.map(({ deltas, weight = 1 }) => {
      const maxRank = Math.max(...deltas.map(({ rank }) => rank))
      const packed = packAdapter(shape, 'x', { deltas, groups: [], maxRank })
      expect(packed.precision).toBe(precision)
      const member = { packed, weight, without: [], a: A.length / 4, b: B.length / 2 }
      A.push(...packed.A)
      B.push(...packed.B)
      return member
    })
    const { counts, words } = faceSegments(members, sites)
    heads.push(...faceHeads(members, counts, first + segments.length / 4))
    segments.push(...words)
  }
  const words = (numbers: number[]): Uint32Array<ArrayBuffer> => {
    const stored: PackedNumbers = precision === 'f16' ? Uint16Array.from(numbers) : Float32Array.from(numbers)
    return new Uint32Array(stored.buffer)
  }
  return {
    precision,
    table: await lab.buffer(Uint32Array.from([...heads, ...segments])),
    a: await lab.buffer(words(A)),
    b: await lab.buffer(words(B)),
  }
}
