// Did this model say this? One teacher-forced pass over a prompt and the tokens that were drawn after it, every one of them judged
// by replay-rule.ts, and its log probability held to the one that was told. Not a sampler, and not a receipt.
// The told log probabilities are what tells another adapter, scale or quantisation apart: those often say the same words.
// Invariant: a prompt whose keys and values are in the cache is not read again, so replaying costs what was drawn.
import { OpenChatError } from '../errors.ts'
import { drawToken } from './model/draw.ts'
import type { KvCache } from './model/kv-cache.ts'
import { type PrefillOptions, promptEmpty, type Runner } from './model/runner.ts'
import { Sampler } from './model/sampler.ts'
import { logSum } from './model/surprise.ts'
import { f32Tolerance, judgeToken, type ReplayTolerance } from './replay-rule.ts'
import type { Replayed, ReplayedToken, Utterance } from './types.ts'

export interface ReplayParts {
  runner: Runner
  cache: KvCache
}

/**
 * @param adapter digest by which the cache knows it; '' for none
 * @throws utterance_invalid, prompt_empty, prompt_too_long, token_invalid, cancelled, device_lost …
 */
export async function replay(
  { runner, cache }: ReplayParts,
  adapter: string,
  said: Utterance,
  options: PrefillOptions & { tolerance?: ReplayTolerance } = {},
): Promise<Omit<Replayed, 'promptText' | 'text'>> {
  const { prompt, drawn } = said
  check(said)
  const tolerance = options.tolerance ?? f32Tolerance
  const judge = new Judge(said, tolerance)
  const begin = performance.now()
  const sequence = await runner.turns.take(() => cache.resume(adapter, prompt))
  const unread = prompt.slice(sequence.tokens.length)
  const fed = unread.length + drawn.length - 1
  const progress = (before: number): PrefillOptions => ({
    ...(options.signal ? { signal: options.signal } : {}),
    onProgress: (done) => options.onProgress?.(before + done, fed),
  })
  try {
    if (unread.length > 1) await runner.prefill(sequence, unread.slice(0, -1), false, progress(0))
    const visit = (_: number, rows: Float32Array[]) => {
      for (const row of rows) judge.next(row)
    }
    // The last token of the prompt goes with the answer's, so that a known prompt costs no pass of its own. What follows the last
    // token drawn is nobody's claim.
    await runner.scan(sequence, [...unread.slice(-1), ...drawn.slice(0, -1)], visit, progress(unread.length - 1))
  } finally {
    runner.end(() => cache.park(sequence))
  }
  return { ...judge.summary(), tolerance: tolerance.logit, fed, ms: performance.now() - begin }
}

class Judge {
  #said: Utterance
  #tolerance: ReplayTolerance
  #sampler: Sampler
  #found: ReplayedToken[] = []

  constructor(said: Utterance, tolerance: ReplayTolerance) {
    this.#said = said
    this.#tolerance = tolerance
    this.#sampler = new Sampler(said.sampler, said.prompt)
  }

  /** @param logits what follows the prompt and the tokens judged so far; changed by penalties */
  next(logits: Float32Array): void {
    const { drawn, logprobs } = this.#said
    const at = this.#found.length
    const id = drawn[at]
    const draw = this.#sampler.draw()
    const off = logprobs === null ? null : logprobs[at] - (logits[id] - logSum(logits))
    // Makes the edits in place; what it draws is of no interest.
    if (draw.edits !== null) drawToken(logits, { ...draw, temperature: 0 })
    const finding = judgeToken(logits, { id, uniform: draw.uniform }, draw, this.#tolerance)
    this.#sampler.push(id)
    // A logit that is off by the tolerance, and a sum over all of them that is off the other way.
    const told = off === null || Math.abs(off) <= 2 * this.#tolerance.logit
    const reason = finding.fits ? (told ? null : 'logprob') : 'draw'
    this.#found.push({ at, id, rank: finding.rank, gap: finding.gap, off, reason })
  }

  summary(): Pick<Replayed, 'said' | 'tokens' | 'refused' | 'first' | 'worstGap' | 'worstOff'> {
    const refused = this.#found.filter(({ reason }) => reason !== null)
    const offs = this.#found.flatMap(({ off }) => (off === null ? [] : Math.abs(off)))
    return {
      said: refused.length === 0,
      tokens: this.#found.length,
      refused: refused.length,
      first: refused[0] ?? null,
      worstGap: this.#found.reduce((worst, { gap }) => Math.max(worst, gap), 0),
      worstOff: offs.length === 0 ? null : offs.reduce((worst, off) => Math.max(worst, off), 0),
    }
  }
}

function check({ prompt, drawn, logprobs }: Utterance): void {
  if (prompt.length === 0) throw promptEmpty()
  if (drawn.length > 0 && (logprobs === null || logprobs.length === drawn.length)) return
  const told = logprobs === null ? '' : `, and ${logprobs.length} log probabilities are told`
  throw new OpenChatError('utterance_invalid', `A record of ${drawn.length} drawn tokens${told} cannot be replayed.`, {
    meta: { drawn: drawn.length, logprobs: logprobs?.length ?? null },
    action: 'Open the receipt file as it was saved.',
  })
}
