// What an engine finds out about its GPU before it answers: which variant of its kernels is fastest, and whether each computes
// what it should. A variant that does not, or that the driver refuses, is given up for its fallback, and the engine says so; what was
// found is remembered for this adapter and these shaders, so that a second visit asks nothing.
// Not the test itself (self-test.ts, self-test-draws.ts), not the order of fallbacks (model/variants.ts) and not a store: whoever
// loads the engine may lend one.
// Invariants: an engine whose fallback fails as well does not open, but one that draws tokens wrongly does: the CPU draws then; what
// was remembered under other shaders, another adapter or another shape of model is never used.
import { OpenChatError } from '../errors.ts'
import type { Device } from './device.ts'
import { prefillVariants } from './kernels/projection.ts'
import { replayClaimCode } from './kernels/replay-claim.ts'
import type { Drawer } from './model/chooser.ts'
import type { Variants, WantedVariants } from './model/forward.ts'
import { type Demotion, Ladder, told } from './model/variants.ts'
import { prefillRows, type SelfTestParts, selfTest } from './self-test.ts'
import { draws } from './self-test-draws.ts'
import { type Finding, failed, findingsOf } from './self-test-findings.ts'

/** Where findings are kept between visits; the page's worker lends IndexedDB. */
export interface BootMemory {
  recall(key: string): Promise<string | null>
  keep(key: string, value: string): Promise<void>
}

/** Who computes a tile in decode and where many rows are fed, and how lanes sum. */
export interface BootReport extends Variants {
  /** Who draws tokens: the CPU where the device was found to draw them wrongly. */
  drawer: Drawer
  /** Kernels that were held against the CPU, in every variant tried. */
  checked: number
  demoted: Demotion[]
  /** ms; of a remembered report, those of the run that found it. */
  ms: number
  remembered: boolean
}

/**
 * @param wanted the variants to begin with; those that are absent are timed, unless it is known what was found here before
 * @throws gpu_miscomputes when a kernel without a fallback is wrong or refused
 */
export async function boot(
  parts: SelfTestParts,
  device: Device,
  memory: BootMemory | null,
  wanted: WantedVariants = {},
): Promise<BootReport> {
  const { forward, chooser } = parts
  const key = memory === null ? '' : await findingsKey(parts, device, [...forward.shaderTexts(), ...chooser.shaderTexts(), replayClaimCode])
  const known = memory === null ? null : readReport(await memory.recall(key))
  // A driver that has since come to refuse what was found is asked anew.
  if (known !== null && (await findingsOf(() => forward.warm(known).then(() => []))).length === 0) {
    chooser.drawer = known.drawer
    return { ...known, remembered: true }
  }
  const begin = performance.now()
  const rows = device.isFallbackAdapter ? prefillRows.software : prefillRows.gpu
  const ladder = new Ladder()
  const demoted: Demotion[] = []
  let checked = 0
  for (let variants = wanted; ; ) {
    const findings = await findingsOf(async () => {
      await forward.warm(variants)
      return selfTest(parts, rows)
    })
    checked += findings.length
    const wrong = failed(findings).sort((a, b) => b.error - a.error)
    const passes = wrong.filter(({ kernel }) => !draws(kernel))
    if (passes.length === 0) {
      const [worst] = wrong
      if (worst !== undefined) demoted.push({ from: 'device', to: 'cpu', kernel: worst.kernel, error: told(worst.error) })
      chooser.drawer = worst === undefined ? 'device' : 'cpu'
      const found = { ...forward.variants, drawer: chooser.drawer, checked, demoted: [...ladder.demoted, ...demoted] }
      const report: BootReport = { ...found, ms: performance.now() - begin, remembered: false }
      await memory?.keep(key, JSON.stringify(report))
      return report
    }
    const next = ladder.next(forward.variants, passes)
    if (next === null) throw miscomputes(device, passes[0])
    variants = next
  }
}

/** Digest of everything findings depend on: the adapter, the shape of the model, and what else the test is about. */
export async function findingsKey({ config }: SelfTestParts, device: Device, about: readonly unknown[]): Promise<string> {
  const shape = { ...config, name: '', contextTokens: 0 }
  const text = JSON.stringify([device.adapterName, shape, about])
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** Whether a kept report names variants that exist. */
export function wholeVariants({ decode, prefill, subgroups }: Partial<Variants>): boolean {
  const known = (decode === 'lanes' || decode === 'thread-1') && prefillVariants.some((one) => one === prefill)
  return known && typeof subgroups === 'boolean'
}

/** A report as it was kept; null for none, or for one that is not whole. */
function readReport(text: string | null): BootReport | null {
  if (text === null) return null
  try {
    const report = JSON.parse(text) as Partial<BootReport>
    const { drawer, demoted } = report
    const whole = wholeVariants(report) && (drawer === 'device' || drawer === 'cpu')
    return whole && Array.isArray(demoted) && typeof report.checked === 'number' && typeof report.ms === 'number'
      ? (report as BootReport)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function miscomputes(device: Device, { kernel, error }: Finding): OpenChatError {
  const what = told(error) === null ? `cannot compute ${kernel}` : `computes ${kernel} wrongly`
  return new OpenChatError('gpu_miscomputes', `This GPU ${what}, and there is no other way to compute it.`, {
    meta: { adapter: device.adapterName, kernel, error: told(error) },
    action: 'Update the browser and the graphics driver, or answer on the processor.',
  })
}
