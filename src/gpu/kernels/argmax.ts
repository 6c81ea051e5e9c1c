// Twin of argmax.wgsl: typed arguments to a dispatch.
import code from './argmax.wgsl?raw'
import type { Dispatch } from './kernel.ts'

/** @param logits [picks][vocab] f32 @param token [picks] u32, written */
export function argmax({ logits, token, vocab }: { logits: GPUBuffer; token: GPUBuffer; vocab: number }): Dispatch {
  return {
    kernel: { name: 'argmax', code, groups: [['read', 'write']] },
    constants: { VOCAB: vocab },
    resources: [[{ buffer: logits }, { buffer: token }]],
    grid: ({ picks }) => [picks, 1],
  }
}
