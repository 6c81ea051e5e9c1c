// What an engine finds out about adapters on its GPU before the first one is used: whether the kernels that shrink, expand and join
// compute what they should, and whether the driver takes every one that a pass of this model may need. Asked when an adapter is first
// brought to the device, once more at the first that is kept as f32, and at the first DoRA adapter: other kernels, and another
// specialisation; who uses none pays nothing. The finding is remembered as boot.ts remembers its own.
// Not the test (self-test-adapters.ts). Invariants: where a variant is wrong or refused the engine goes on in another, after that one
// passed the base's test as well; where none computes halves rightly, adapters are kept as f32; where no variant is right, adapters are
// refused and the model alone answers as before; nothing of the test stays on the device.
import { OpenChatError } from '../errors.ts'
import type { Arena } from './arena.ts'
import { type BootMemory, findingsKey, wholeVariants } from './boot.ts'
import type { Device } from './device.ts'
import type { Dispatch, Programs } from './kernels/kernel.ts'
import type { AdapterPool } from './lora/adapter-pool.ts'
import type { PackedAdapter } from './lora/packed-adapter.ts'
import { type AdapterKind, placeTrialAdapters } from './lora/trial-adapters.ts'
import type { Variants } from './model/forward.ts'
import type { Runner } from './model/runner.ts'
import { type Demotion, Ladder, told } from './model/variants.ts'
import { prefillRows, type SelfTestParts, selfTest } from './self-test.ts'
import { adapterTest } from './self-test-adapters.ts'
import { type Finding, failed, findingsOf } from './self-test-findings.ts'
import { SampledModel } from './self-test-oracle.ts'

export interface AdapterReport extends AdapterKind {
  /** Who computes a tile from then on, in decode and where many rows are fed. */
  variants: Variants
  /** Kernels that were held against the CPU, in every variant tried. */
  checked: number
  demoted: Demotion[]
  /** No variant computes this kind rightly: the worst kernel of the last one tried, as of a demotion. Null: it is served. */
  refused: Pick<Demotion, 'kernel' | 'error'> | null
  /** ms; of a remembered report, those of the run that found it. */
  ms: number
  remembered: boolean
}

export interface AdapterTrialParts {
  /** Of the engine; its pool is not touched. */
  test: SelfTestParts
  arena: Arena<GPUBuffer>
  programs: Programs
  device: Device
  runner: Pick<Runner, 'lend'>
  memory: BootMemory | null
}

export class AdapterTrial {
  #parts: AdapterTrialParts
  #found = new Map<string, Promise<AdapterReport>>()
  #reports: AdapterReport[] = []

  constructor(parts: AdapterTrialParts) {
    this.#parts = parts
  }

  /** What was found so far, in the order in which it was asked. */
  get reports(): readonly AdapterReport[] {
    return this.#reports
  }

  /**
   * To be waited for before an adapter goes to the device; the first of each kind runs the test.
   * @param pool where it will stand: as f32 where halves are not computed rightly, which none stood in then
   * @throws gpu_miscomputes_adapters; device_lost, gpu_fault, kernel_invalid, gpu_out_of_memory
   */
  async admit({ precision, gains }: PackedAdapter, pool: Pick<AdapterPool, 'gained' | 'precision'>): Promise<void> {
    if (precision === 'f16' && pool.precision === 'f16') {
      if ((await this.#finding({ gained: false, precision })).refused === null) return
      pool.precision = 'f32'
    }
    const { refused } = await this.#finding({ gained: pool.gained || gains.length > 0, precision: 'f32' })
    if (refused !== null) throw miscomputes(this.#parts.device, refused)
  }

  #finding(kind: AdapterKind): Promise<AdapterReport> {
    const name = `${kind.gained} ${kind.precision}`
    let found = this.#found.get(name)
    if (found === undefined) {
      found = this.#parts.runner.lend(() => this.#run(kind))
      this.#found.set(name, found)
      // A device without room, or gone, says nothing about its kernels: the next adapter asks again.
      found.then(
        (report) => this.#reports.push(report),
        () => this.#found.delete(name),
      )
    }
    return found
  }

  async #run(kind: AdapterKind): Promise<AdapterReport> {
    const { test, arena, memory } = this.#parts
    const { forward, recorder, config, weights } = test
    const begin = performance.now()
    const started = forward.variants
    const oracle = new SampledModel(test.gguf, test.source, config, weights.ropeDivisors)
    const trial = await placeTrialAdapters(arena, recorder, config, (module) => oracle.rowLength(module), kind)
    try {
      const over = () => forward.withAdapters(trial.pool)
      const key = memory === null ? '' : await findingsKey(test, this.#parts.device, [kind.gained, started, ...over().adaptedTexts()])
      const known = memory === null ? null : readReport(await memory.recall(key))
      if (known !== null) {
        await this.#computeIn(known.variants)
        return { ...known, remembered: true }
      }
      const ladder = new Ladder()
      let checked = 0
      const report = async (refused: AdapterReport['refused']): Promise<AdapterReport> => {
        // Without adapters the first variant is as right as it was.
        if (refused !== null) await this.#computeIn(started)
        const wider = kind.precision === 'f16' && refused !== null ? [{ from: 'f16', to: 'f32', ...refused }] : []
        const demoted = refused === null ? ladder.demoted : wider
        const whole = { ...kind, variants: forward.variants, checked, demoted, refused, ms: performance.now() - begin, remembered: false }
        await memory?.keep(key, JSON.stringify(whole))
        return whole
      }
      for (let tested = started; ; ) {
        const now = forward.variants
        const findings = await findingsOf(() => this.#base(tested, now))
        // The other layers' kernels may be of other formats than the first one's.
        findings.push(...(await findingsOf(() => this.#made(over().underAnyAdapters()))))
        if (failed(findings).length === 0)
          findings.push(...(await findingsOf(() => adapterTest({ ...test, forward: over(), oracle, trial }))))
        tested = now
        checked += findings.length
        const wrong = failed(findings).sort((a, b) => b.error - a.error)
        if (wrong.length === 0) return await report(null)
        const next = ladder.next(now, wrong)
        if (next === null) return await report({ kernel: wrong[0].kernel, error: told(wrong[0].error) })
        forward.computeIn(next)
      }
    } finally {
      trial.pool.dispose()
      arena.trim()
    }
  }

  /** The model's own test, where it did not run in this variant. */
  async #base(tested: Variants, now: Variants): Promise<Finding[]> {
    if (tested.decode === now.decode && tested.subgroups === now.subgroups) return []
    const { test, device } = this.#parts
    return selfTest(test, device.isFallbackAdapter ? prefillRows.software : prefillRows.gpu)
  }

  /** @throws kernel_invalid */
  async #made(work: Iterable<Dispatch>): Promise<Finding[]> {
    const { programs } = this.#parts
    await Promise.all(Array.from(work, (dispatch) => programs.make(dispatch)))
    return []
  }

  async #computeIn(variants: Variants): Promise<void> {
    const { forward, chooser } = this.#parts.test
    const same = variants.decode === forward.decodeVariant
    forward.computeIn(variants)
    if (same) return
    chooser.dispose()
    await chooser.warm()
  }
}

/** A report as it was kept; null for none, or for one that is not whole. */
function readReport(text: string | null): AdapterReport | null {
  if (text === null) return null
  try {
    const report = JSON.parse(text) as Partial<AdapterReport>
    return wholeVariants(report.variants ?? {}) &&
      Array.isArray(report.demoted) &&
      typeof report.checked === 'number' &&
      report.refused !== undefined
      ? (report as AdapterReport)
      : null
  } catch (error) {
    if (error instanceof SyntaxError) return null
    throw error
  }
}

function miscomputes(device: Device, { kernel, error }: Pick<Demotion, 'kernel' | 'error'>): OpenChatError {
  const what = error === null ? 'cannot compute adapters' : 'computes adapters wrongly'
  return new OpenChatError('gpu_miscomputes_adapters', `This GPU ${what} (${kernel}); the model answers without them.`, {
    meta: { adapter: device.adapterName, kernel, error },
    action: 'Update the browser and the graphics driver.',
  })
}
