// Twin of project-logits.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './project-logits.wgsl?raw'
import { type ProjectionInput, projection } from './projection.ts'

export interface LogitsInput extends Omit<ProjectionInput, 'expand' | 'shrink'> {
  /** [picks] u32: rows of x. */
  picks: GPUBuffer
  /** [picks][vocab] f32 */
  logits: GPUBuffer
  vocab: number
}

export function projectLogits(input: LogitsInput): Dispatch {
  return projection('project-logits', body, input, {
    read: [input.picks],
    write: [input.logits],
    constants: { VOCAB: input.vocab },
    count: 'picks',
  })
}
