// Twin of project-residual.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './project-residual.wgsl?raw'
import { type ProjectionInput, projection } from './projection.ts'

export interface ResidualInput extends ProjectionInput {
  /** [rows][hStride] f32, added to. */
  h: GPUBuffer
  hStride: number
  outputs: number
}

export function projectResidual(input: ResidualInput): Dispatch {
  return projection('project-residual', body, input, {
    write: [input.h],
    constants: { H_STRIDE: input.hStride, OUT_ROWS: input.outputs },
  })
}
