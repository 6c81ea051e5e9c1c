// What a self-test makes of pairs of numbers: of each kernel the largest difference, against the size of what was expected, and
// whether that is more than rounding. Not a test: those are self-test.ts, self-test-draws.ts, self-test-adapters.ts.
import { OpenChatError } from '../errors.ts'

export interface Finding {
  /** Name of the kernel, its format and variant, as in kernels/projection.ts. */
  kernel: string
  /** Largest difference of a sampled number, in parts of their root mean square; infinite where no number came. */
  error: number
}

/** Rounding of a long f32 sum stays below 1e-5 of the numbers' size; a lost block or a wrong nibble is above 1e-2. */
const bar = 1e-3
/** Of who stores keys in f16, or multiplies halves: what each number loses in its rounding comes to 3e-3 on small models. */
const halfBar = 1e-2
const rounds = /^project-qkv\/f16\/|\/staged-f16/

/** Of findings, those that are no rounding. */
export function failed(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ kernel, error }) => !(error <= (rounds.test(kernel) ? halfBar : bar)))
}

/** Pairs of numbers by kernel: the largest difference against the size of what was expected. */
export class Comparison {
  #kernels = new Map<string, { worst: number; squares: number; count: number }>()

  one(kernel: string, got: number, expected: number): void {
    const known = this.#kernels.get(kernel) ?? { worst: 0, squares: 0, count: 0 }
    const difference = Math.abs(got - expected)
    known.worst = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : Math.max(known.worst, difference)
    known.squares += expected * expected
    known.count++
    this.#kernels.set(kernel, known)
  }

  all(kernel: string, got: Float64Array, expected: Float64Array): void {
    for (let i = 0; i < expected.length; i++) this.one(kernel, got[i], expected[i])
  }

  findings(): Finding[] {
    return [...this.#kernels].map(([kernel, { worst, squares, count }]) => ({ kernel, error: worst / (Math.sqrt(squares / count) || 1) }))
  }
}

/** What a test finds, or the kernel that the driver refuses in it: that one gives no number. */
export async function findingsOf(test: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await test()
  } catch (error) {
    if (!(error instanceof OpenChatError) || error.code !== 'kernel_invalid') throw error
    return [{ kernel: String(error.meta.kernel), error: Number.POSITIVE_INFINITY }]
  }
}
