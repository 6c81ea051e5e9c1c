// Which other way of computing is tried where a kernel is wrong, or refused by the driver: a staged block, or eight tokens a
// thread, give way to four a thread, sums by subgroups to workgroup memory, lanes to single threads and those to lanes.
// Not the test (self-test.ts, self-test-adapters.ts) and not the choice of the fastest way (probe.ts).
// Invariant: every way is tried once, so whoever goes down the ladder comes to an end.
import type { Finding } from '../self-test-findings.ts'
import type { Variants } from './forward.ts'

export interface Demotion {
  from: string
  to: string
  /** Why: the kernel that was wrong or refused, and by how much of its numbers' size; null where no number came. */
  kernel: string
  error: number | null
}

export class Ladder {
  readonly demoted: Demotion[] = []
  #tried = new Set<string>()

  /**
   * @param now what was tested @param wrong of it, worst first, at least one
   * @returns what to test next; null where nothing is left
   */
  next(now: Variants, wrong: readonly Finding[]): Variants | null {
    this.#tried.add(now.decode)
    const large = wrong.find(({ kernel }) => /\/(staged|thread-8)/.test(kernel))
    if (now.prefill !== 'thread-4' && large !== undefined) {
      this.#give(now.prefill, 'thread-4', large)
      return { ...now, prefill: 'thread-4' }
    }
    // Rows that fill no block go by it, whoever decodes.
    if (wrong.some(({ kernel }) => kernel.includes('/thread-4'))) return null
    if (now.subgroups && wrong.every(({ kernel }) => kernel.includes('-subgroups'))) {
      this.#give('subgroups', 'workgroup', wrong[0])
      return { ...now, subgroups: false }
    }
    const decode = now.decode === 'lanes' ? 'thread-1' : 'lanes'
    if (this.#tried.has(decode)) return null
    const moot = this.demoted.findIndex(({ from }) => from === 'subgroups')
    if (moot >= 0) this.demoted.splice(moot, 1)
    this.#give(now.decode, decode, wrong[0])
    return { ...now, decode, subgroups: false }
  }

  #give(from: string, to: string, { kernel, error }: Finding): void {
    this.demoted.push({ from, to, kernel, error: told(error) })
  }
}

/** As JSON has it. */
export function told(error: number): number | null {
  return Number.isFinite(error) ? error : null
}
