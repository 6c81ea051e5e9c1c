// Twin of replay-claim.wgsl: typed arguments to a dispatch, what a claim's words are, and what is read back of it.
import type { ReplayTolerance, TokenFinding } from '../replay-rule.ts'
import settingsRow from './draw-settings.wgsl?raw'
import type { Dispatch } from './kernel.ts'
import body from './replay-claim.wgsl?raw'
import reduce from './row-reduce.wgsl?raw'

/** u32 of one row's claim, and f32 of what is found of it. */
export const claimWords = 5
export const foundWords = 4

/** Of the tolerance: what rounds otherwise here than in replay-rule.ts takes less than the rest. */
const kept = 0.98

export interface ReplayClaimInput {
  /** [picks][vocab] f32 */
  logits: GPUBuffer
  /** [picks][rowWords], as sample's. */
  settings: GPUBuffer
  /** [picks][claimWords], see {@link claimRows}. */
  claims: GPUBuffer
  /** [picks][foundWords] f32, written. */
  found: GPUBuffer
  vocab: number
}

export const replayClaimCode = `${settingsRow}${reduce}${body}`

export function replayClaim({ logits, settings, claims, found, vocab }: ReplayClaimInput): Dispatch {
  return {
    kernel: { name: 'replay-claim', code: replayClaimCode, groups: [['read', 'read', 'read', 'write']] },
    constants: { VOCAB: vocab, WORKGROUP: 256 },
    resources: [[logits, settings, claims, found].map((buffer) => ({ buffer }))],
    grid: ({ picks }) => [picks, 1],
  }
}

/** [claims][claimWords] */
export function claimRows(claims: readonly { id: number; temperature: number; topP: number }[], { logit }: ReplayTolerance): Uint32Array {
  const words = new Uint32Array(claims.length * claimWords)
  const floats = new Float32Array(words.buffer)
  const slack = 2 * logit * kept
  claims.forEach(({ id, temperature, topP }, i) => {
    const ratio = temperature === 0 ? 1 : Math.exp(slack / temperature)
    // By 1e-5 nearer to each other, which is more than f32 sums differ by.
    const least = (topP / (topP + (1 - topP) * ratio)) * (1 + 1e-5)
    const most = ((topP * ratio) / (topP * ratio + 1 - topP)) * (1 - 1e-5)
    words[i * claimWords] = id
    floats.set([least, most, slack, ratio], i * claimWords + 1)
  })
  return words
}

/**
 * @param words [foundWords] of one row
 * @returns `fits` is true only where replay-rule.ts finds it so; false, of a sampled token, says nothing yet
 */
export function readFound(words: Float32Array, claim: { uniform: number; temperature: number }, { logit }: ReplayTolerance): TokenFinding {
  const [gap, rank, begin, end] = words
  if (claim.temperature === 0) return { fits: gap <= 2 * logit, rank, gap, interval: null }
  return { fits: claim.uniform >= begin && claim.uniform <= end, rank, gap, interval: begin <= end ? [begin, end] : null }
}
