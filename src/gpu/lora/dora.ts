// DoRA: an adapter that says how long each row of the changed matrix is. y = g ⊙ (W x + s·B(A x)), g = m / ‖W + s·B A‖ by rows, with
// the m of the file. g depends on the base, so it is worked out when the adapter meets it, once, on the CPU from the stored weights;
// on the device it is a gain of what the projection sums (tile/lora-expand.wgsl), and B carries it for the delta.
// A bias of q, k, v stays outside the gain. Source: Liu et al. 2024, arXiv 2402.09353; PEFT 0.21 (tuners/lora/dora.py).
import { OpenChatError } from '../../errors.ts'
import type { GgufFile } from '../formats/gguf.ts'
import { floatDelta, type LoraDelta, type PeftAdapter } from '../formats/peft.ts'
import { unpermuteRows } from '../formats/permute.ts'
import { dequantise, requireSupportedType } from '../formats/quant.ts'
import { layerTensors, type ModelConfig, requireTensor } from '../model/config.ts'
import type { ByteSource } from '../types.ts'

/**
 * g of one module. Norms are sums in f64.
 * @param row writes row `o` of W, in PEFT's order, into [in]
 * @returns [out]
 * @throws adapter_invalid where W + s·B A has a row of length 0
 */
export function doraGain(delta: LoraDelta, row: (o: number, into: Float64Array) => void): Float32Array<ArrayBuffer> {
  const { A, B, rank, scale, magnitude, layer, module } = floatDelta(delta)
  const inputs = A.length / rank
  const sums = new Float64Array(inputs)
  return Float32Array.from(magnitude!, (m, o) => {
    row(o, sums)
    for (let r = 0; r < rank; r++) {
      const factor = scale * B[o * rank + r]
      const from = r * inputs
      for (let i = 0; i < inputs; i++) sums[i] += factor * A[from + i]
    }
    const squares = sums.reduce((sum, value) => sum + value * value, 0)
    if (squares > 0) return m / Math.sqrt(squares)
    throw new OpenChatError('adapter_invalid', `Row ${o} of ${module} in layer ${layer} is zero under this DoRA adapter.`, {
      meta: { layer, module, row: o },
      action: 'Export the adapter again with PEFT.',
    })
  })
}

/**
 * The adapter with its gains, where it is DoRA; plain LoRA as it is. 2 · in · out · (rank + 1) FLOP a module; others go on between modules.
 * @param source the base, still readable
 * @throws adapter_invalid, file_truncated
 */
export async function withGains(adapter: PeftAdapter, gguf: GgufFile, config: ModelConfig, source: ByteSource): Promise<PeftAdapter> {
  if (adapter.deltas.every(({ magnitude }) => magnitude === undefined)) return adapter
  const deltas: LoraDelta[] = []
  for (const delta of adapter.deltas) {
    const row = await rowsOf(delta, gguf, config, source)
    deltas.push({ ...delta, gain: doraGain(delta, row) })
    await new Promise((resolve) => setTimeout(resolve, 0))
  }
  return { ...adapter, deltas }
}

async function rowsOf({ layer, module }: LoraDelta, gguf: GgufFile, config: ModelConfig, source: ByteSource) {
  const tensor = requireTensor(gguf, layerTensors(config, layer)[module].name)
  const type = requireSupportedType(tensor)
  const stored = await source.read(tensor.offset, tensor.bytes)
  const heads = module === 'q_proj' ? config.heads : module === 'k_proj' ? config.kvHeads : 0
  const bytes = config.permutedQk && heads > 0 ? unpermuteRows(stored, heads, config.headDim) : stored
  const rowBytes = bytes.length / (tensor.shape[1] ?? 1)
  return (o: number, into: Float64Array) => void dequantise(type, bytes.subarray(o * rowBytes, (o + 1) * rowBytes), into)
}
