// Twin of logprobs.wgsl: typed arguments to a dispatch, and what a row's words say.
import { type Drawn, mostLogprobs } from '../model/draw.ts'
import settingsRow from './draw-settings.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import body from './logprobs.wgsl?raw'
import reduce from './row-reduce.wgsl?raw'

/** u32 of one row's. */
export const toldWords = 1 + 2 * mostLogprobs

export interface LogprobsInput {
  /** [picks][vocab] f32; what penalise changed is put back. */
  logits: GPUBuffer
  /** [picks][rowWords], as sample's. */
  settings: GPUBuffer
  /** [count][4] u32, as penalise left them; anything where there are none. */
  edits: GPUBuffer
  /** Uniform: how many edits there are. */
  count: GPUBuffer
  /** [picks] u32: the ids that were drawn. */
  chosen: GPUBuffer
  /** [picks][toldWords] u32, written for rows whose settings ask for it. */
  told: GPUBuffer
  vocab: number
  /** Threads a pick: 256, or 16 where a barrier is dear. */
  threads: 256 | 16
}

export function logprobs({ logits, settings, edits, count, chosen, told, vocab, threads }: LogprobsInput): Dispatch {
  return {
    kernel: {
      name: 'logprobs',
      code: `${settingsRow}${reduce}${body}`,
      groups: [['write', 'read', 'read', 'uniform', 'read', 'write']],
    },
    constants: { VOCAB: vocab, WORKGROUP: threads, WORDS: toldWords },
    resources: [[logits, settings, edits, count, chosen, told].map((buffer) => ({ buffer }))],
    grid: ({ picks }) => [picks, 1],
  }
}

/** Words of a row that hold something, when `likeliest` were asked for. */
export function wordsTold(likeliest: number, vocab: number): number {
  return 1 + 2 * Math.min(likeliest, vocab)
}

/** @param words [{@link wordsTold}] of one row */
export function readTold(words: Uint32Array): NonNullable<Drawn['logprobs']> {
  const floats = new Float32Array(words.buffer, words.byteOffset, words.length)
  const top = Array.from({ length: (words.length - 1) / 2 }, (_, rank) => ({ id: words[1 + 2 * rank], logprob: floats[2 + 2 * rank] }))
  return { own: floats[0], top }
}
