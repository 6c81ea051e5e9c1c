// Twin of argmax.wgsl: typed arguments to a dispatch.
import body from './argmax.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import reduce from './row-reduce.wgsl?raw'

export interface ArgmaxInput {
  /** [picks][vocab] f32 */
  logits: GPUBuffer
  /** [picks] u32, written. */
  token: GPUBuffer
  /** [picks] u32, written: what the next step feeds. */
  tokens: GPUBuffer
  vocab: number
  /** Threads a pick: 256, or 16 where a barrier is dear. */
  threads: 256 | 16
}

export function argmax({ logits, token, tokens, vocab, threads }: ArgmaxInput): Dispatch {
  return {
    kernel: { name: 'argmax', code: `${reduce}${body}`, groups: [['read', 'write', 'write']] },
    constants: { VOCAB: vocab, WORKGROUP: threads },
    resources: [[{ buffer: logits }, { buffer: token }, { buffer: tokens }]],
    grid: ({ picks }) => [picks, 1],
  }
}
