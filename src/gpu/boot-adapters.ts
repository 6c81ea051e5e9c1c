// What an engine finds out about adapters on its GPU before the first one is used: whether the kernels that shrink, expand and join
// compute what they should. Asked when an adapter is first brought to the device, and once more at the first DoRA adapter, whose gains
// are another specialisation; who uses none pays nothing. The finding is remembered as boot.ts remembers its own.
// Not the test (self-test-adapters.ts). Invariants: where the wide variant is wrong the engine falls back to the plain one, after that
// passed the base's test as well; where no variant is right, adapters are refused and the model alone answers as before; nothing of
// the test stays on the device.
import { OpenChatError } from '../errors.ts'
import type { Arena } from './arena.ts'
import { type BootMemory, type Demotion, findingsKey } from './boot.ts'
import type { Device } from './device.ts'
import { prefillVariants } from './kernels/projection.ts'
import { placeTrialAdapters } from './lora/trial-adapters.ts'
import type { Forward, Variants } from './model/forward.ts'
import type { Runner } from './model/runner.ts'
import { failed, prefillRows, type SelfTestParts, selfTest } from './self-test.ts'
import { adapterTest } from './self-test-adapters.ts'
import { SampledModel } from './self-test-oracle.ts'

export interface AdapterReport {
  /** DoRA's gains were in it. */
  gained: boolean
  /** Who computes a tile from then on, in decode and where many rows are fed. */
  variants: Variants
  /** Kernels that were held against the CPU, in every variant tried. */
  checked: number
  demoted: Demotion[]
  /** No variant computes adapters rightly: the worst kernel of the last one tried. Null: they are served. */
  refused: { kernel: string; error: number } | null
  /** ms; of a remembered report, those of the run that found it. */
  ms: number
  remembered: boolean
}

export interface AdapterTrialParts {
  /** Of the engine; its pool is not touched. */
  test: SelfTestParts
  arena: Arena<GPUBuffer>
  device: Device
  runner: Pick<Runner, 'lend'>
  memory: BootMemory | null
}

export class AdapterTrial {
  #parts: AdapterTrialParts
  #found = new Map<boolean, Promise<AdapterReport>>()
  #reports: AdapterReport[] = []

  constructor(parts: AdapterTrialParts) {
    this.#parts = parts
  }

  /** What was found so far: of plain adapters, of DoRA. */
  get reports(): readonly AdapterReport[] {
    return this.#reports
  }

  /**
   * To be waited for before an adapter goes to the device; the first call of each kind runs the test.
   * @param gained it is DoRA
   * @throws gpu_miscomputes_adapters; device_lost, gpu_fault, kernel_invalid, gpu_out_of_memory
   */
  async pass(gained: boolean): Promise<void> {
    let found = this.#found.get(gained)
    if (found === undefined) {
      found = this.#parts.runner.lend(() => this.#run(gained))
      this.#found.set(gained, found)
      // A device without room, or gone, says nothing about its kernels: the next adapter asks again.
      found.then(
        (report) => this.#reports.push(report),
        () => this.#found.delete(gained),
      )
    }
    const { refused } = await found
    if (refused !== null) throw miscomputes(this.#parts.device, refused)
  }

  async #run(gained: boolean): Promise<AdapterReport> {
    const { test, arena, memory } = this.#parts
    const { forward, recorder, config, weights } = test
    const begin = performance.now()
    const started = variantsOf(forward)
    const oracle = new SampledModel(test.gguf, test.source, config, weights.ropeDivisors)
    const trial = await placeTrialAdapters(arena, recorder, config, (module) => oracle.rowLength(module), gained)
    try {
      const over = () => forward.withAdapters(trial.pool)
      const key = memory === null ? '' : await findingsKey(test, this.#parts.device, [gained, started, ...over().adaptedTexts()])
      const known = memory === null ? null : readReport(await memory.recall(key))
      if (known !== null) {
        await this.#computeIn(known.variants)
        return { ...known, remembered: true }
      }
      const demoted: Demotion[] = []
      let checked = 0
      const report = async (refused: AdapterReport['refused']): Promise<AdapterReport> => {
        // Without adapters the first variant is as right as it was.
        if (refused !== null) await this.#computeIn(started)
        const found = { gained, variants: variantsOf(forward), checked, demoted: refused === null ? demoted : [], refused }
        const whole = { ...found, ms: performance.now() - begin, remembered: false }
        await memory?.keep(key, JSON.stringify(whole))
        return whole
      }
      while (true) {
        const { decode, prefill } = variantsOf(forward)
        const findings = await adapterTest({ ...test, forward: over(), oracle, trial })
        checked += findings.length
        const worst = worstOf(findings)
        if (worst === null) return await report(null)
        const staged = worstOf(findings.filter(({ kernel }) => kernel.includes('/staged')))
        if (prefill !== 'thread-4' && staged !== null) {
          demoted.push({ from: prefill, to: 'thread-4', ...staged })
          forward.prefillIn('thread-4')
          continue
        }
        if (decode === 'thread-1') return await report(worst)
        const { isFallbackAdapter } = this.#parts.device
        const base = await selfTest(test, 'thread-1', isFallbackAdapter ? prefillRows.software : prefillRows.gpu)
        checked += base.length
        const wrong = worstOf(base)
        if (wrong !== null) return await report(wrong)
        demoted.push({ from: decode, to: 'thread-1', ...worst })
      }
    } finally {
      trial.pool.dispose()
      arena.trim()
    }
  }

  async #computeIn({ decode, prefill }: Variants): Promise<void> {
    const { forward, chooser } = this.#parts.test
    if (prefill !== forward.prefillVariant) forward.prefillIn(prefill)
    if (decode === forward.decodeVariant) return
    forward.decodeIn(decode)
    chooser.dispose()
    await chooser.warm()
  }
}

function variantsOf({ decodeVariant, prefillVariant }: Forward): Variants {
  return { decode: decodeVariant, prefill: prefillVariant }
}

function worstOf(findings: Awaited<ReturnType<typeof selfTest>>): { kernel: string; error: number } | null {
  return failed(findings).sort((a, b) => b.error - a.error)[0] ?? null
}

/** A report as it was kept; null for none, or for one that is not whole. */
function readReport(text: string | null): AdapterReport | null {
  if (text === null) return null
  try {
    const report = JSON.parse(text) as Partial<AdapterReport>
    const { decode, prefill } = report.variants ?? {}
    const whole = (decode === 'lanes' || decode === 'thread-1') && prefillVariants.some((one) => one === prefill)
    return whole && Array.isArray(report.demoted) && typeof report.checked === 'number' && report.refused !== undefined
      ? (report as AdapterReport)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function miscomputes(device: Device, { kernel, error }: { kernel: string; error: number }): OpenChatError {
  return new OpenChatError('gpu_miscomputes_adapters', `This GPU computes adapters wrongly (${kernel}); the model answers without them.`, {
    meta: { adapter: device.adapterName, kernel, error },
    action: 'Update the browser and the graphics driver.',
  })
}
