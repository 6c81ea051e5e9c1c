// What a replay reads of a pass's logits: a few numbers a position where the device finds them itself, the logits where it does
// not. Not the judgement of an answer: that is replay.ts; of one token it is replay-rule.ts's, whoever computes it.
// The device may accept a token and never refuse a sampled one: its interval lies inside the rule's, and what does not fall into
// it has its logits read, in the same turn, and is judged here. So both ways judge alike. Where a barrier is dear
// (Forward.decodeVariant) all logits are read: there the device's memory is the processor's.
// Invariant: nothing is allocated between replays but what the arena's pool keeps.
import type { Lease } from './arena.ts'
import type { Prepared } from './kernels/kernel.ts'
import { logprobs, toldWords } from './kernels/logprobs.ts'
import { editsOf, penalise } from './kernels/penalise.ts'
import { claimRows, foundWords, readFound, replayClaim } from './kernels/replay-claim.ts'
import { drawRows } from './kernels/sample.ts'
import type { LogitParts } from './model/chooser.ts'
import { type Draw, drawToken } from './model/draw.ts'
import type { Staged } from './model/runner.ts'
import { logSum } from './model/surprise.ts'
import { judgeToken, type ReplayTolerance, type TokenFinding } from './replay-rule.ts'

/** A token, and the draw that is said to have drawn it. */
export interface Claim {
  id: number
  draw: Draw
}

export interface Judged {
  finding: TokenFinding
  /** Of the claimed token by the model itself, natural logarithm. */
  logprob: number
}

/** Behind the head of a pass that picks one row a claim, in their order. */
export async function stageClaims(parts: LogitParts, claims: readonly Claim[], tolerance: ReplayTolerance): Promise<Staged<Judged>> {
  const here = async (rows: readonly number[]): Promise<Judged[]> => {
    const logits = await readLogits(parts, rows)
    return rows.map((row, i) => judgeHere(logits[i], claims[row], tolerance))
  }
  if (!parts.parallel()) return { work: [], collect: async () => ({ results: here([...claims.keys()]) }) }
  const device = await claimsOnDevice(parts, claims, tolerance)
  const results = async () => {
    const judged = await device.read()
    const doubtful = claims.flatMap(({ draw }, i) => (draw.temperature === 0 || judged[i].finding.fits ? [] : [i]))
    for (const [i, row] of (doubtful.length === 0 ? [] : await here(doubtful)).entries()) judged[doubtful[i]] = row
    return judged
  }
  return { work: device.work, collect: async () => ({ results: results() }) }
}

async function readLogits({ recorder, scratch, vocab }: LogitParts, rows: readonly number[]): Promise<Float32Array[]> {
  const { bytes } = await recorder.readRanges(rows.map((row) => ({ buffer: scratch.logits, offset: 4 * row * vocab, bytes: 4 * vocab })))
  const read = await bytes
  return rows.map((_, i) => new Float32Array(read, 4 * i * vocab, vocab))
}

/** @param logits [vocab], as the model gives them; changed */
function judgeHere(logits: Float32Array, { id, draw }: Claim, tolerance: ReplayTolerance): Judged {
  const logprob = logits[id] - logSum(logits)
  // Makes the edits in place; what it draws is of no interest.
  if (draw.edits !== null) drawToken(logits, { ...draw, temperature: 0 })
  return { finding: judgeToken(logits, { id, uniform: draw.uniform }, draw, tolerance), logprob }
}

/** The dispatches, and the reading of what they leave, which is to be done once: it gives the buffers back. */
export async function claimsOnDevice(parts: LogitParts, claims: readonly Claim[], tolerance: ReplayTolerance) {
  const { arena, recorder, programs, scratch, vocab } = parts
  const leases: Lease<GPUBuffer>[] = []
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC
  const buffer = async (label: string, content: Uint32Array | number, usage: number = storage): Promise<GPUBuffer> => {
    const lease = await arena.allocate(typeof content === 'number' ? 4 * content : Math.max(content.byteLength, 16), usage, label)
    leases.push(lease)
    if (typeof content !== 'number') recorder.upload(lease.buffer, 0, content)
    return lease.buffer
  }
  const release = () => {
    for (const lease of leases.splice(0)) lease.release()
  }
  try {
    // Its own log probability is told of each.
    const draws = claims.map(({ draw }) => ({ ...draw, logprobs: 0 }))
    const list = editsOf(draws)
    const counted = list.length / 4
    const { logits } = scratch
    const settings = await buffer('replay settings', drawRows(draws))
    const edits = await buffer('replay edits', list)
    const count = await buffer('replay edit count', new Uint32Array([counted, 0, 0, 0]), GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST)
    const ids = claims.map(({ id, draw: { temperature, topP } }) => ({ id, temperature, topP }))
    const rows = await buffer('replay claims', claimRows(ids, tolerance))
    const chosen = await buffer(
      'replay tokens',
      Uint32Array.from(ids, ({ id }) => id),
    )
    const found = await buffer('replay found', claims.length * foundWords)
    const told = await buffer('replay log probabilities', claims.length * toldWords)
    const work: Prepared[] = await programs.prepare([
      ...(counted === 0 ? [] : [penalise({ edits, settings, count, logits, vocab }, () => counted)]),
      replayClaim({ logits, settings, claims: rows, found, vocab }),
      logprobs({ logits, settings, edits, count, chosen, told, vocab, threads: 256 }),
    ])
    const read = async (): Promise<Judged[]> => {
      try {
        const each = claims.map((_, i) => ({ buffer: told, offset: 4 * i * toldWords, bytes: 4 }))
        const whole = { buffer: found, offset: 0, bytes: 4 * claims.length * foundWords }
        const words = new Float32Array(await (await recorder.readRanges([whole, ...each])).bytes)
        return claims.map(({ draw }, i) => ({
          finding: readFound(words.subarray(i * foundWords, (i + 1) * foundWords), draw, tolerance),
          logprob: words[claims.length * foundWords + i],
        }))
      } finally {
        release()
      }
    }
    return { work, read }
  } catch (error) {
    release()
    throw error
  }
}
