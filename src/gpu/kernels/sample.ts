// Twin of sample.wgsl: typed arguments to a dispatch, and the layout of a row's settings, which penalise.wgsl and logprobs.wgsl share.
import type { Draw } from '../model/draw.ts'
import settingsRow from './draw-settings.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import reduce from './row-reduce.wgsl?raw'
import body from './sample.wgsl?raw'

/** u32 of one row's settings. */
export const rowWords = 12

export interface SampleInput {
  /** [picks][vocab] f32 */
  logits: GPUBuffer
  /** [picks][rowWords], see {@link drawRows}. */
  settings: GPUBuffer
  /** [picks][⌈vocab / 32⌉] u32; read for rows whose settings say so. */
  allowed: GPUBuffer
  /** [picks] u32, written. */
  chosen: GPUBuffer
  /** [picks] u32, written: what the next step feeds. */
  tokens: GPUBuffer
  vocab: number
}

export function sample({ logits, settings, allowed, chosen, tokens, vocab }: SampleInput): Dispatch {
  return {
    kernel: { name: 'sample', code: `${settingsRow}${reduce}${body}`, groups: [['read', 'read', 'read', 'write', 'write']] },
    constants: { VOCAB: vocab },
    resources: [[logits, settings, allowed, chosen, tokens].map((buffer) => ({ buffer }))],
    grid: ({ picks }) => [picks, 1],
  }
}

/** [draws][rowWords] */
export function drawRows(draws: readonly Draw[]): Uint32Array {
  const words = new Uint32Array(draws.length * rowWords)
  const floats = new Float32Array(words.buffer)
  draws.forEach(({ temperature, topK, topP, minP, uniform, edits, allowed, logprobs }, i) => {
    const at = i * rowWords
    floats[at] = temperature === 0 ? 0 : 1 / temperature
    floats[at + 1] = topP
    floats[at + 2] = Math.max(temperature * Math.log(minP), -40 * temperature)
    floats[at + 3] = uniform
    words[at + 4] = topK
    words[at + 5] = allowed === null ? 0 : 1
    words[at + 10] = logprobs === null ? 0 : logprobs + 1
    if (edits === null) return
    floats.set([edits.repetitionInverse, edits.repetition, edits.presence, edits.frequency], at + 6)
  })
  return words
}
