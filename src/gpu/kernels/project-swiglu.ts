// Twin of project-swiglu.wgsl: typed arguments to a dispatch.
import type { Dispatch } from './kernel.ts'
import body from './project-swiglu.wgsl?raw'
import { type ProjectionInput, projection } from './projection.ts'

export interface SwigluInput extends ProjectionInput {
  /** [rows][mStride] f32 */
  m: GPUBuffer
  mStride: number
  ffn: number
}

export function projectSwiglu(input: SwigluInput): Dispatch {
  return projection('project-swiglu', body, input, {
    write: [input.m],
    constants: { M_STRIDE: input.mStride, FFN: input.ffn },
  })
}
