// Twin of project-logits.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './project-logits.wgsl?raw'
import { type ProjectionInput, projection } from './projection.ts'

export interface LogitsInput extends Omit<ProjectionInput, 'lora'> {
  /** [picks][vocab] f32 */
  logits: GPUBuffer
  vocab: number
}

export function projectLogits(input: LogitsInput): Dispatch {
  return projection(
    'project-logits',
    body,
    { ...input, lora: null },
    { write: [input.logits], constants: { VOCAB: input.vocab }, count: 'picks' },
  )
}
