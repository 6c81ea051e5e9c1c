// Which variant of a projection is fastest on the loaded weights, told by timing layer 0's gate, up and down: never by an adapter's
// name. Not the self-test (self-test.ts holds kernels against the CPU): here one variant is held against another.
// Invariants: a variant that gives something else than the plain one is not offered; afterwards h, x and m are zero again, as
// the kernels expect of what none wrote, and as no variant may take another's numbers for its own.
import { OpenChatError } from '../../errors.ts'
import type { Dispatch, Programs } from '../kernels/kernel.ts'
import {
  halfVariant,
  nativeSubgroups,
  type PrefillVariant,
  type Subgroups,
  stagedVariants,
  sumsAt,
  type TileVariant,
} from '../kernels/projection.ts'
import type { Recorder } from '../recorder.ts'
import type { ModelConfig } from './config.ts'
import type { Scratch } from './scratch.ts'

export type DecodeVariant = 'lanes' | 'thread-1'

export interface ProbeParts {
  recorder: Recorder
  programs: Programs
  scratch: Scratch
  config: ModelConfig
  /** Layer 0's gate and up, then its down, which joins the residual stream. */
  work(variant: TileVariant, subgroups: Subgroups | null): { gateUp: Dispatch[]; down: Dispatch[] }
}

interface Measured {
  /** Of one time through. */
  ms: number
  /** The gated product of rows of noise, and the residual stream that down makes of it. */
  m: Float32Array
  h: Float32Array
}

/** Rows that prefill's variants are timed on: no more than the largest block has. */
const prefillRows = 64
/** ms after which no further variant of prefill is tried, and a time that need not be taken again. */
const [budget, patience] = [1000, 60]

/**
 * Subgroups are only kept where they give what another way gives: how threads lie in them is promised nowhere.
 * @param able whether the device has subgroups
 * @param only chosen beforehand; of a decode variant nothing is timed, and lanes sum by subgroups where they can, unless that is
 * chosen as well
 * @returns a variant that the driver does not refuse, if there is one
 */
export async function chooseDecode(
  parts: ProbeParts,
  able: boolean,
  only: { decode?: DecodeVariant | undefined; subgroups?: boolean | undefined } = {},
): Promise<{ variant: DecodeVariant; subgroups: Subgroups | null }> {
  const { decode, subgroups: wanted = able } = only
  if (decode === 'thread-1' || (decode === 'lanes' && !(able && wanted))) return { variant: decode, subgroups: null }
  if (decode === 'lanes' && only.subgroups === true) return { variant: decode, subgroups: nativeSubgroups }
  const timed = (variant: DecodeVariant, subgroups: Subgroups | null) =>
    offered(parts, variant, subgroups, 1, decode === undefined ? bestOfThree : async () => 0)
  const plain = await timed('lanes', null)
  const grouped = able && wanted ? await timed('lanes', nativeSubgroups) : null
  const alone = decode === undefined || plain === null ? await timed('thread-1', null) : null
  const other = plain ?? alone
  const same = grouped !== null && other !== null && alike(grouped, other)
  if (decode !== undefined) return { variant: decode, subgroups: same ? nativeSubgroups : null }
  const [lanesMs, groupedMs, aloneMs] = [plain, same ? grouped : null, alone].map((one) => one?.ms ?? Number.POSITIVE_INFINITY)
  const together = Math.min(lanesMs, groupedMs)
  // Single threads share nothing: what was timed is then what is recalled for them.
  if (aloneMs <= together) return { variant: 'thread-1', subgroups: null }
  return { variant: 'lanes', subgroups: groupedMs < lanesMs ? nativeSubgroups : null }
}

/**
 * For a device whose barriers are cheap, which {@link chooseDecode} has told: elsewhere a staged block takes seconds.
 * @param halves whether what the weights and x are multiplied in may be rounded to f16
 */
export async function choosePrefill(parts: ProbeParts, halves: boolean): Promise<PrefillVariant> {
  const begin = performance.now()
  const rows = Math.min(prefillRows, parts.scratch.mostRows)
  const plain = await measure(parts, 'thread-4', null, rows, patiently)
  let best: { variant: PrefillVariant; ms: number } = { variant: 'thread-4', ms: plain.ms }
  for (const variant of halves ? [...stagedVariants, halfVariant] : stagedVariants) {
    if (performance.now() - begin > budget) break
    const found = await offered(parts, variant, null, rows, patiently)
    if (found !== null && alike(found, plain, variant === halfVariant ? 2e-2 : 1e-3) && found.ms < best.ms) best = { variant, ms: found.ms }
  }
  return best.variant
}

/** What a variant that may not exist here gives; null where the driver refuses it. */
async function offered(...of: Parameters<typeof measure>): Promise<Measured | null> {
  try {
    return await measure(...of)
  } catch (error) {
    if (error instanceof OpenChatError && error.code === 'kernel_invalid') return null
    throw error
  }
}

/** ms of going `times` through. */
type Run = (times: number) => Promise<number>

/** A row takes so little that four go together, and the best of three counts. */
async function bestOfThree(run: Run): Promise<number> {
  return Math.min(await run(4), await run(4), await run(4)) / 4
}

/** Once to warm up, which is enough where it took long; then twice for about 20 ms, since a browser's clock is coarse. */
async function patiently(run: Run): Promise<number> {
  const first = await run(1)
  if (first > patience) return first
  const times = Math.min(32, Math.ceil(20 / first))
  return Math.min(await run(times), await run(times)) / times
}

async function measure(
  { recorder, programs, scratch, config, work }: ProbeParts,
  variant: TileVariant,
  subgroups: Subgroups | null,
  rows: number,
  timed: (run: Run) => Promise<number>,
): Promise<Measured> {
  const counts = { rows, picks: 0 }
  const dispatches = work(variant, subgroups)
  const [gateUp, down] = [await programs.prepare(dispatches.gateUp), await programs.prepare(dispatches.down)]
  const clear = () => {
    recorder.upload(scratch.x, 0, new Float32Array(rows * scratch.xStride))
    recorder.upload(scratch.h, 0, new Float32Array(rows * scratch.hStride))
    recorder.upload(scratch.m, 0, new Float32Array(rows * scratch.mStride))
  }
  recorder.upload(scratch.batch, 0, new Uint32Array([rows, 0]))
  const ms = await timed(async (times) => {
    const all = Array.from({ length: times }, () => [...gateUp, ...down]).flat()
    const begin = performance.now()
    recorder.submit(all, counts)
    await recorder.idle()
    return performance.now() - begin
  })
  clear()
  recorder.upload(scratch.x, 0, noise(rows, config.hidden, scratch.xStride))
  recorder.submit([...gateUp, ...down], counts)
  const m = new Float32Array(await recorder.read(scratch.m, rows * scratch.mStride * 4))
  const h = new Float32Array(await recorder.read(scratch.h, rows * scratch.hStride * 4))
  clear()
  return { ms, m, h }
}

/** Rows as a norm's writer leaves them: noise, and sums of squares wherever a variant reads them, of one total. */
function noise(rows: number, width: number, stride: number): Float32Array<ArrayBuffer> {
  const x = new Float32Array(rows * stride)
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) x[row * stride + i] = Math.sin((i + 31 * row) * 12.9898)
    for (const columns of [8, 16, 32]) {
      const [at, count] = [row * stride + sumsAt(width, columns), Math.ceil(width / columns)]
      x.fill(width / count, at, at + count)
    }
  }
  return x
}

/** Equal but for the order of sums, or for what rounding to f16 leaves. NaN is like nothing. */
function alike(a: Measured, b: Measured, bar = 1e-3): boolean {
  return near(a.m, b.m, bar) && near(a.h, b.h, bar)
}

function near(a: Float32Array, b: Float32Array, bar: number): boolean {
  const largest = b.reduce((most, value) => Math.max(most, Math.abs(value)), 0)
  return a.every((value, i) => Math.abs(value - b[i]) <= bar * largest)
}
