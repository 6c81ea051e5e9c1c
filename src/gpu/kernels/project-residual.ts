// Twin of project-residual.wgsl, and of project-adapted.wgsl where an adapter changes the same module: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import adapted from './project-adapted.wgsl?raw'
import body from './project-residual.wgsl?raw'
import { columnsOfSum, type ProjectionInput, projection, sumsAt } from './projection.ts'

/** Where the input of the next projection is prepared: the residual stream times the next norm's gain, sums of squares behind. */
export interface NextInput {
  /** [width padded to 4] f32 */
  gain: GPUBuffer
  /** [rows][stride] f32; a row is as `rowWithSums` says. */
  next: GPUBuffer
  nextStride: number
}

export interface ResidualInput extends Omit<ProjectionInput, 'norm' | 'expand'>, NextInput {
  /** [rows][hStride] f32, added to; a multiple of 4. */
  h: GPUBuffer
  hStride: number
  /** Of h. */
  width: number
}

export function projectResidual(input: ResidualInput): Dispatch {
  const H_STRIDE = input.hStride / 4
  if (input.shrink) return projection('project-adapted', adapted, input, { write: [input.h], constants: { H_STRIDE } })
  const columns = columnsOfSum(input.variant, input.segment.blocks)
  return projection('project-residual', body, input, {
    read: [input.gain],
    write: [input.h, input.next],
    constants: { H_STRIDE, NEXT_STRIDE: input.nextStride, NEXT_SUMS_AT: sumsAt(input.width, columns) },
  })
}
