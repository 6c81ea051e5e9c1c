// A DoRA folder out of a plain one: magnitudes that are neither W's row lengths nor the changed matrix's, so that leaving the gain
// out, or taking W's own norm, shows.

import type { LoraModule } from '../formats/peft.ts'
import { readSafetensors, writeSafetensors } from '../formats/safetensors.ts'
import { noise } from '../kernels/noise.testing.ts'
import type { ReferenceModel } from '../reference/forward.ts'
import { matrixRow } from '../reference/matmul.ts'
import type { AdapterFiles } from '../types.ts'

export function withMagnitudes(files: AdapterFiles, model: ReferenceModel): AdapterFiles {
  const tensors = [...readSafetensors(files.weights).tensors.values()]
  const magnitudes = tensors.flatMap(({ name }, seed) => {
    const [, layer, module] = /layers\.(\d+)\.[a-z_]+\.([a-z]+_proj)\.lora_B/.exec(name) ?? []
    if (module === undefined) return []
    const matrix = model.layers[Number(layer)].matrices[module as LoraModule]
    const change = noise(matrix.outputs, 500 + seed)
    const values = Float32Array.from({ length: matrix.outputs }, (_, o) => {
      const length = Math.sqrt(matrixRow(matrix, o).reduce((sum, value) => sum + value * value, 0))
      return length * (1 + 0.4 * change[o])
    })
    const vector = name.replace('lora_B.weight', 'lora_magnitude_vector')
    return [{ name: vector, dtype: 'F32', shape: [matrix.outputs], bytes: new Uint8Array(values.buffer) }]
  })
  return { ...files, weights: writeSafetensors([...tensors, ...magnitudes]) }
}
