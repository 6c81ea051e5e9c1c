// Products with a stored weight matrix in f64: each row is decoded once and used for every input. The oracle of matvec and
// matmul kernels for every supported type. Not fast: some 10^8 multiplications a second.
import { dequantise, type SupportedType, typeBytes } from '../formats/quant.ts'

/** A weight matrix as it lies in the file: `outputs` rows of `inputs` weights. */
export interface StoredMatrix {
  type: SupportedType
  inputs: number
  outputs: number
  bytes: Uint8Array
}

/** One row, decoded. */
export function matrixRow(matrix: StoredMatrix, row: number): Float64Array {
  const rowBytes = typeBytes(matrix.type, matrix.inputs)
  return dequantise(matrix.type, matrix.bytes.subarray(row * rowBytes, (row + 1) * rowBytes), new Float64Array(matrix.inputs))
}

/** @param rows inputs, each [in] @returns W x for each, [out] */
export function matmul(matrix: StoredMatrix, rows: readonly Float64Array[]): Float64Array[] {
  const out = rows.map(() => new Float64Array(matrix.outputs))
  for (let o = 0; o < matrix.outputs; o++) {
    const weights = matrixRow(matrix, o)
    rows.forEach((x, t) => {
      out[t][o] = dot(weights, x)
    })
  }
  return out
}

/** Σ a_i b_i over the length of `a`. */
export function dot(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}
