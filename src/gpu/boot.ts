// What an engine finds out about its GPU before it answers: which variant of its kernels is fastest, and whether each computes
// what it should. A variant that does not is given up for its fallback, and the engine says so; what was found is remembered for
// this adapter and these shaders, so that a second visit asks nothing.
// Not the test itself (self-test.ts) and not a store: whoever loads the engine may lend one.
// Invariants: an engine whose fallback fails as well does not open; what was remembered under other shaders, another adapter or
// another shape of model is never used.
import { OpenChatError } from '../errors.ts'
import type { Device } from './device.ts'
import { type PrefillVariant, prefillVariants } from './kernels/projection.ts'
import type { WantedVariants } from './model/forward.ts'
import type { DecodeVariant } from './model/probe.ts'
import { failed, prefillRows, type SelfTestParts, selfTest } from './self-test.ts'

/** Where findings are kept between visits; the page's worker lends IndexedDB. */
export interface BootMemory {
  recall(key: string): Promise<string | null>
  keep(key: string, value: string): Promise<void>
}

export interface Demotion {
  from: string
  to: string
  /** Why: the kernel that was wrong, and by how much of its numbers' size. */
  kernel: string
  error: number
}

export interface BootReport {
  /** Who computes a tile in decode. */
  decode: DecodeVariant
  /** And where many rows are fed. */
  prefill: PrefillVariant
  /** Kernels that were held against the CPU, in every variant tried. */
  checked: number
  demoted: Demotion[]
  /** ms; of a remembered report, those of the run that found it. */
  ms: number
  remembered: boolean
}

const fallbacks = { lanes: 'thread-1', 'thread-1': null } as const

/**
 * @param wanted the variants to begin with; those that are absent are timed, unless it is known what was found here before
 * @throws gpu_miscomputes when a kernel without a fallback is wrong
 */
export async function boot(
  parts: SelfTestParts,
  device: Device,
  memory: BootMemory | null,
  wanted: WantedVariants = {},
): Promise<BootReport> {
  const { forward } = parts
  const key = memory === null ? '' : await findingsKey(parts, device, forward.shaderTexts())
  const known = memory === null ? null : readReport(await memory.recall(key))
  await forward.warm(known ?? wanted)
  if (known !== null) return { ...known, remembered: true }
  const begin = performance.now()
  const demoted: Demotion[] = []
  let checked = 0
  for (let variant: DecodeVariant = forward.decodeVariant; ; ) {
    const findings = await selfTest(parts, variant, device.isFallbackAdapter ? prefillRows.software : prefillRows.gpu)
    checked += findings.length
    const wrong = failed(findings).sort((a, b) => b.error - a.error)
    const [worst] = wrong
    if (worst === undefined) {
      const prefill = forward.prefillVariant
      const report: BootReport = { decode: variant, prefill, checked, demoted, ms: performance.now() - begin, remembered: false }
      await memory?.keep(key, JSON.stringify(report))
      return report
    }
    const staged = wrong.find(({ kernel }) => kernel.includes('/staged'))
    if (staged !== undefined) {
      demoted.push({ from: forward.prefillVariant, to: 'thread-4', kernel: staged.kernel, error: staged.error })
      forward.prefillIn('thread-4')
      continue
    }
    const to: 'thread-1' | null = fallbacks[variant]
    if (to === null) throw miscomputes(device, worst.kernel, worst.error)
    demoted.push({ from: variant, to, kernel: worst.kernel, error: worst.error })
    variant = to
  }
}

/** Digest of everything findings depend on: the adapter, the shape of the model, and what else the test is about. */
export async function findingsKey({ config }: SelfTestParts, device: Device, about: readonly unknown[]): Promise<string> {
  const shape = { ...config, name: '', contextTokens: 0 }
  const text = JSON.stringify([device.adapterName, shape, about])
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** A report as it was kept; null for none, or for one that is not whole. */
function readReport(text: string | null): BootReport | null {
  if (text === null) return null
  try {
    const report = JSON.parse(text) as Partial<BootReport>
    const { decode, prefill, demoted } = report
    const whole = (decode === 'lanes' || decode === 'thread-1') && prefillVariants.some((one) => one === prefill)
    return whole && Array.isArray(demoted) && typeof report.checked === 'number' && typeof report.ms === 'number'
      ? (report as BootReport)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function miscomputes(device: Device, kernel: string, error: number): OpenChatError {
  return new OpenChatError('gpu_miscomputes', `This GPU computes ${kernel} wrongly, and there is no other way to compute it.`, {
    meta: { adapter: device.adapterName, kernel, error },
    action: 'Update the browser and the graphics driver, or answer on the processor.',
  })
}
