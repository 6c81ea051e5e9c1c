// The one integer logarithm that prices tokens: ⌊2^16 · log2 x⌋ for integers x ≥ 1. Not Math.log2: its last bit is
// implementation-defined (ECMA-262 §21.3.2.23), and a receipt must come out equal on every machine.
// Invariant: exact. The mantissa is squared sixteen times between a lower and an upper bound; where the bounds disagree
// about a bit, the power x^65536 itself decides.
// Source: binary logarithm by repeated squaring (Majithia & Levan, "A note on base-2 logarithm computations", Proc. IEEE 61, 1973).
import { OpenChatError } from '../errors.ts'

/** Fraction bits of every surprisal. */
const FRACTION_BITS = 16
const PRECISION = 62n
const TWO = 1n << (PRECISION + 1n)

const known = new Map<number, number>()

/** ⌊2^16 · log2 x⌋, so Q16.16 bits rounded down. `x`: 1 … 2^53 − 1. @throws `value_out_of_range` Example: log2Q16(8) is 3 · 65536. */
export function log2Q16(x: number): number {
  let result = known.get(x)
  if (result === undefined) {
    if (!Number.isSafeInteger(x) || x < 1) {
      throw new OpenChatError('value_out_of_range', `Expected a positive integer below 2^53 for a logarithm, got ${x}.`)
    }
    result = boundedLog2(BigInt(x)) ?? exactLog2(BigInt(x))
    // Counts repeat (Zipf): a few thousand distinct values price a corpus. The cap only bounds memory.
    if (known.size < 65_536) known.set(x, result)
  }
  return result
}

function boundedLog2(x: bigint): number | null {
  const exponent = x.toString(2).length - 1
  let low = x << (PRECISION - BigInt(exponent))
  let high = low
  let result = exponent
  for (let bit = 0; bit < FRACTION_BITS; bit++) {
    low = (low * low) >> PRECISION
    high = ((high * high) >> PRECISION) + 1n
    result *= 2
    if (low >= TWO) {
      low >>= 1n
      high = (high >> 1n) + 1n
      result += 1
    } else if (high >= TWO) {
      return null
    }
  }
  return result
}

/** ⌊log2(x^65536)⌋ is ⌊65536 · log2 x⌋. Some 50 ms for a large x, and not met below 2^22 in the test's sweep. */
export function exactLog2(x: bigint): number {
  return (x ** 65_536n).toString(2).length - 1
}
