// The two 16-bit floats of model files, to and from f32. Not a typed array: Node 20 and older browsers have no Float16Array.
// Exact both ways: every half is an f32; f32 → half rounds to nearest, ties to even, overflow to infinity.
// Source: IEEE 754-2008 binary16; bfloat16 is the upper half of binary32.

/** Numbers kept as the bits of binary16; not an array, so that nobody takes the bits for the numbers. */
export interface Halves {
  readonly bits: Uint16Array<ArrayBuffer>
}

const word = new Uint32Array(1)
const float = new Float32Array(word.buffer)

const halves = new Float32Array(65536)
for (let bits = 0; bits < 65536; bits++) {
  const sign = bits & 0x8000 ? -1 : 1
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24
  else if (exponent === 31) halves[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY
  else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15)
}

/** @param bits a binary16, 0..65535. @returns its value, exactly. */
export function halfToFloat(bits: number): number {
  return halves[bits]
}

/** The same of many; f32 are given back as they are. */
export function floatsOf(numbers: Float32Array<ArrayBuffer> | Halves): Float32Array<ArrayBuffer> {
  if (numbers instanceof Float32Array) return numbers
  const { bits } = numbers
  const out = new Float32Array(bits.length)
  for (let i = 0; i < out.length; i++) out[i] = halves[bits[i]]
  return out
}

/** Rounded to the nearest, ties to even. */
export function halvesOf(numbers: Float32Array): Halves {
  return { bits: Uint16Array.from(numbers, floatToHalf) }
}

/** Whether every one of them is neither infinite nor NaN. An adapter of 10 MB is five million: no branch. */
export function finiteHalves({ bits }: Halves): boolean {
  let carried = 0
  // An exponent of all ones, and no other, carries into bit 15.
  for (let i = 0; i < bits.length; i++) carried |= (bits[i] & 0x7c00) + 0x400
  return (carried & 0x8000) === 0
}

/** @returns the bits of the binary16 nearest to `value`, ties to even. */
export function floatToHalf(value: number): number {
  float[0] = value
  const bits = word[0]
  const sign = (bits >>> 16) & 0x8000
  const magnitude = bits & 0x7fffffff
  if (magnitude > 0x7f800000) return sign | 0x7e00
  // 65520 is halfway between the largest half and 65536: it and all above become infinity.
  if (magnitude >= 0x477ff000) return sign | 0x7c00
  if (magnitude < 0x38800000) return sign | roundHalfEven(Math.abs(float[0]) * 2 ** 24)
  const rebased = magnitude - 0x38000000
  return sign | ((rebased + 0xfff + ((rebased >>> 13) & 1)) >>> 13)
}

/** @param bits a bfloat16, 0..65535. @returns its value, exactly. */
export function bfloatToFloat(bits: number): number {
  word[0] = bits << 16
  return float[0]
}

/** @returns the bits of the bfloat16 nearest to `value`, ties to even. */
export function floatToBfloat(value: number): number {
  float[0] = value
  const bits = word[0]
  if ((bits & 0x7fffffff) > 0x7f800000) return (bits >>> 16) | 0x40
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff
}

function roundHalfEven(value: number): number {
  const low = Math.floor(value)
  const rest = value - low
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low
}
