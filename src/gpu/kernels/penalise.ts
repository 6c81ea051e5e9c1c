// Twin of penalise.wgsl: typed arguments to a dispatch, and the edits of several rows as one list.
import type { Draw } from '../model/draw.ts'
import settingsRow from './draw-settings.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import body from './penalise.wgsl?raw'

export interface PenaliseInput {
  /** [count][4] u32, see {@link editsOf}; changed: what stood in the logits takes the place of each bias. */
  edits: GPUBuffer
  /** [picks][rowWords], as sample's. */
  settings: GPUBuffer
  /** Uniform: how many edits there are. */
  count: GPUBuffer
  /** [picks][vocab] f32, changed. */
  logits: GPUBuffer
  vocab: number
}

/** @param counted how many edits the submit has */
export function penalise({ edits, settings, count, logits, vocab }: PenaliseInput, counted: () => number): Dispatch {
  return {
    kernel: { name: 'penalise', code: `${settingsRow}${body}`, groups: [['write', 'read', 'uniform', 'write']] },
    constants: { VOCAB: vocab },
    resources: [[edits, settings, count, logits].map((buffer) => ({ buffer }))],
    grid: () => [Math.ceil(counted() / 64), 1],
  }
}

/** Of all rows, one after the other: [edits][4] u32. */
export function editsOf(draws: readonly Draw[]): Uint32Array {
  const all = new Uint32Array(draws.reduce((sum, { edits }) => sum + 4 * (edits?.count ?? 0), 0))
  let at = 0
  draws.forEach(({ edits }, pick) => {
    for (let i = 0; i < (edits?.count ?? 0); i++, at += 4) {
      all.set(edits!.records.subarray(4 * i, 4 * i + 4), at)
      all[at + 3] |= pick << 1
    }
  })
  return all
}
