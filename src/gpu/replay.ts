// Did this model say this? One teacher-forced pass over a prompt and the tokens that were drawn after it, every one of them judged
// by replay-rule.ts (on the device, where that is quicker: replay-reading.ts), and its log probability held to the one that was told. Not a sampler, and not a receipt.
// The told log probabilities are what tells another adapter, scale or quantisation apart: those often say the same words.
// Invariant: a prompt whose keys and values are in the cache is not read again, so replaying costs what was drawn.
import { OpenChatError } from '../errors.ts'
import type { LogitParts } from './model/chooser.ts'
import type { KvCache } from './model/kv-cache.ts'
import { type PrefillOptions, promptEmpty, type Runner } from './model/runner.ts'
import { Sampler } from './model/sampler.ts'
import { type Claim, type Judged, stageClaims } from './replay-reading.ts'
import { f32Tolerance, type ReplayTolerance } from './replay-rule.ts'
import type { Replayed, ReplayedToken, Utterance } from './types.ts'

export interface ReplayParts {
  runner: Runner
  cache: KvCache
  reading: LogitParts
}

/**
 * @param adapter digest by which the cache knows it; '' for none
 * @throws utterance_invalid, prompt_empty, prompt_too_long, token_invalid, cancelled, device_lost …
 */
export async function replay(
  { runner, cache, reading }: ReplayParts,
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
    if (unread.length > 1) await runner.prefill(sequence, unread.slice(0, -1), null, progress(0))
    const stage = (_: number, count: number) => stageClaims(reading, judge.claims(count), tolerance)
    const visit = (_: number, rows: Judged[]) => {
      for (const row of rows) judge.take(row)
    }
    // The last token of the prompt goes with the answer's, so that a known prompt costs no pass of its own. What follows the last
    // token drawn is nobody's claim.
    await runner.scanWith(sequence, [...unread.slice(-1), ...drawn.slice(0, -1)], stage, visit, progress(unread.length - 1))
  } finally {
    runner.end(() => cache.park(sequence))
  }
  return { ...judge.summary(), tolerance: tolerance.logit, fed, ms: performance.now() - begin }
}

/** Of an answer's claims, in their order, and what was found of them. */
class Judge {
  #said: Utterance
  #tolerance: ReplayTolerance
  #sampler: Sampler
  #claimed = 0
  #found: ReplayedToken[] = []

  constructor(said: Utterance, tolerance: ReplayTolerance) {
    this.#said = said
    this.#tolerance = tolerance
    this.#sampler = new Sampler(said.sampler, said.prompt)
  }

  /** The next ones: each draw as it was after the tokens before it. */
  claims(count: number): Claim[] {
    const ids = this.#said.drawn.slice(this.#claimed, this.#claimed + count)
    this.#claimed += ids.length
    return ids.map((id) => {
      const draw = this.#sampler.draw()
      void this.#sampler.push(id)
      return { id, draw }
    })
  }

  take({ finding: { fits, rank, gap }, logprob }: Judged): void {
    const { drawn, logprobs } = this.#said
    const at = this.#found.length
    const off = logprobs === null ? null : logprobs[at] - logprob
    // A logit that is off by the tolerance, and a sum over all of them that is off the other way.
    const told = off === null || Math.abs(off) <= 2 * this.#tolerance.logit
    const reason = fits ? (told ? null : 'logprob') : 'draw'
    this.#found.push({ at, id: drawn[at], rank, gap, off, reason })
  }

  summary(): Pick<Replayed, 'said' | 'tokens' | 'refused' | 'refusedDraws' | 'first' | 'worstGap' | 'worstOff'> {
    const refused = this.#found.filter(({ reason }) => reason !== null)
    const offs = this.#found.flatMap(({ off }) => (off === null ? [] : Math.abs(off)))
    return {
      said: refused.length === 0,
      tokens: this.#found.length,
      refused: refused.length,
      refusedDraws: refused.filter(({ reason }) => reason === 'draw').length,
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
