// The row order in which GGUF stores q and k of arch `llama`, undone and made. Not needed for other architectures.
// The file holds each head's rows for interleaved RoPE (pairs 2i, 2i + 1); with half-split RoPE (pairs i, i + d/2) everywhere
// else, and PEFT's B rows in that order, W is put back once at load. Quantised rows are whole blocks, so they move as bytes.
// Source: `permute` of llama.cpp's convert_hf_to_gguf.py, inverted: original row j·d/2 + i of a head is stored row 2i + j.

/**
 * @param rows the matrix's bytes, `heads · headDim` rows of equal length
 * @returns a new array, rows in half-split order
 */
export function unpermuteRows(rows: Uint8Array, heads: number, headDim: number): Uint8Array {
  return moved(rows, heads, headDim, false)
}

/** The inverse of {@link unpermuteRows}: rows as a GGUF file keeps them. */
export function permuteRows(rows: Uint8Array, heads: number, headDim: number): Uint8Array {
  return moved(rows, heads, headDim, true)
}

function moved(rows: Uint8Array, heads: number, headDim: number, interleave: boolean): Uint8Array {
  const rowBytes = rows.length / (heads * headDim)
  const half = headDim / 2
  const out = new Uint8Array(rows.length)
  for (let head = 0; head < heads; head++) {
    for (let j = 0; j < 2; j++) {
      for (let i = 0; i < half; i++) {
        const interleaved = (head * headDim + 2 * i + j) * rowBytes
        const plain = (head * headDim + j * half + i) * rowBytes
        const [from, to] = interleave ? [plain, interleaved] : [interleaved, plain]
        out.set(rows.subarray(from, from + rowBytes), to)
      }
    }
  }
  return out
}
