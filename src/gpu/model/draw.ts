// What one row of a step asks of the sampler, as numbers that a GPU can be given, and the same asked of the CPU.
// Not an answer's settings: model/sampler.ts turns those into a draw for each token. The rule is reference/sampling.ts's.
// Invariant: both sides see the same f32 logits, the same edits in the same order, and the same number to draw by; they draw
// different tokens only where two sums differ by less than the rounding of f32.

export interface Draw {
  /** 0: the arg max, and nothing below is looked at but the edits and the mask. */
  temperature: number
  /** 0: all. */
  topK: number
  /** 1: all. */
  topP: number
  /** 0: all. */
  minP: number
  /** In [0, 1), 24 bits. */
  uniform: number
  /** Changes of single logits; null: none. */
  edits: LogitEdits | null
  /** Bit id % 32 of word ⌊id / 32⌋ says that id may be drawn; null: all may. */
  allowed: Int32Array | null
  /** How many of the likeliest tokens are to be told with their probability beside the drawn one; null: not even that one. */
  logprobs: number | null
}

/** Of {@link Draw.logprobs}, as OpenAI's `top_logprobs`. */
export const mostLogprobs = 20

/** One record an id: id, bias as f32 bits, count in the answer, 1 where it stands in prompt or answer. */
export interface LogitEdits {
  /** [ids][4] */
  records: Uint32Array
  count: number
  /** 1 / repetition, repetition, presence, frequency */
  repetitionInverse: number
  repetition: number
  presence: number
  frequency: number
}

export interface TokenLogprob {
  id: number
  /** Natural logarithm of its probability by the model itself: before bias, penalties, grammar and temperature. */
  logprob: number
}

export interface Drawn {
  id: number
  /** Present where the draw asked for it; `top` is likeliest first. */
  logprobs?: { own: number; top: TokenLogprob[] }
}

/** No settings at all: what greedy decoding asks. */
export const greedy: Draw = { temperature: 0, topK: 0, topP: 1, minP: 0, uniform: 0, edits: null, allowed: null, logprobs: null }

/** The arg max of the logits as they are. */
export function isPlainGreedy({ temperature, edits, allowed }: Draw): boolean {
  return temperature === 0 && edits === null && allowed === null
}

/** @returns the index of the largest value, the lowest on a tie. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let i = 1; i < logits.length; i++) if (logits[i] > logits[best]) best = i
  return best
}

/** @param logits [vocab], changed by the draw's edits and mask */
export function drawToken(logits: Float32Array, draw: Draw): Drawn {
  const told = draw.logprobs === null ? null : logprobs(logits, draw.logprobs)
  if (draw.edits !== null) edit(logits, draw.edits)
  if (draw.allowed !== null) forbid(logits, draw.allowed)
  const id = draw.temperature === 0 ? argmax(logits) : weighed(logits, draw)
  return told === null ? { id } : { id, logprobs: { own: told.of(id), top: told.top } }
}

function edit(logits: Float32Array, { records, count, repetitionInverse, repetition, presence, frequency }: LogitEdits): void {
  const biases = new Float32Array(records.buffer, records.byteOffset, records.length)
  for (let i = 0; i < count; i++) {
    const at = 4 * i
    const id = records[at]
    const said = records[at + 2]
    let logit = Math.fround(logits[id] + biases[at + 1])
    if (records[at + 3] === 1) logit = Math.fround(logit * (logit > 0 ? repetitionInverse : repetition))
    logits[id] = logit - (said > 0 ? said * frequency + presence : 0)
  }
}

function forbid(logits: Float32Array, allowed: Int32Array): void {
  for (let id = 0; id < logits.length; id++) if (((allowed[id >> 5] >> (id & 31)) & 1) === 0) logits[id] = Number.NEGATIVE_INFINITY
}

function weighed(logits: Float32Array, { temperature, topK, topP, minP, uniform }: Draw): number {
  const top = logits[argmax(logits)]
  const weight = (logit: number) => Math.exp((logit - top) / temperature)
  let least = Math.max(top + temperature * Math.log(minP), top - farthest * temperature)
  if (topK > 0 || topP < 1) least = Math.max(least, cut(logits, top, { temperature, topK, topP }))
  let mass = 0
  let last = 0
  for (let id = 0; id < logits.length; id++) {
    if (!(logits[id] >= least)) continue
    mass += weight(logits[id])
    last = id
  }
  let rest = uniform * mass
  for (let id = 0; id < last; id++) {
    if (!(logits[id] >= least)) continue
    rest -= weight(logits[id])
    if (rest < 0) return id
  }
  return last
}

/** Beneath e^−40 of the likeliest nothing can change a sum over a vocabulary, not even in f64. */
const farthest = 40

/** The smallest logit that top-k and top-p keep. */
function cut(logits: Float32Array, top: number, { temperature, topK, topP }: Pick<Draw, 'temperature' | 'topK' | 'topP'>): number {
  const weight = (logit: number) => Math.exp((logit - top) / temperature)
  let all = 0
  if (topP < 1 && topK === 0) for (const logit of logits) all += weight(logit)
  // Sorting a whole vocabulary costs milliseconds, and the answer nearly always lies near the top.
  for (const spread of [6, 12, farthest]) {
    const near = logits.filter((logit) => logit >= top - spread * temperature).sort()
    const last = spread === farthest
    if (topK > near.length && !last) continue
    const first = topK > 0 ? Math.max(0, near.length - topK) : 0
    let least = near[first]
    if (topP === 1) return least
    // Equals of the k-th are kept with it.
    let from = first
    while (from > 0 && near[from - 1] === near[first]) from--
    let kept = 0
    if (topK > 0) for (let i = from; i < near.length; i++) kept += weight(near[i])
    const wanted = topP * (topK > 0 ? kept : all)
    let sum = 0
    let i = near.length
    while (i > from && (i === near.length || sum < wanted)) sum += weight(near[--i])
    least = near[i]
    if (sum >= wanted || last || topK > 0) return least
  }
  return Number.NEGATIVE_INFINITY
}

/** Of the model's own distribution: what OpenAI's `logprobs` are in vLLM and llama.cpp's server. */
function logprobs(logits: Float32Array, count: number): { top: TokenLogprob[]; of: (id: number) => number } {
  const own = logits.slice()
  const largest = own[argmax(own)]
  let sum = 0
  for (const logit of own) sum += Math.exp(logit - largest)
  const log = largest + Math.log(sum)
  const top: number[] = []
  for (let id = 0; id < own.length && count > 0; id++) {
    if (top.length === count && !(own[id] > own[top[count - 1]])) continue
    let place = top.length
    while (place > 0 && own[id] > own[top[place - 1]]) place--
    top.splice(place, 0, id)
    top.length = Math.min(top.length, count)
  }
  return { top: top.map((id) => ({ id, logprob: own[id] - log })), of: (id) => own[id] - log }
}
