// The concatenation built without some groups: what a masked face must equal bit for bit. Cuts rows of A and columns of B.
import { readSafetensors, safetensorFloats, writeSafetensors } from '../formats/safetensors.ts'
import type { AdapterFiles } from '../types.ts'

interface Config {
  r: number
  lora_alpha: number
  open_chat: { groups: { name: string; rank: number }[] }
}

/** @param named whether the result names the groups that are left; without, it is one plain run of ranks */
export function withoutGroups(files: AdapterFiles, names: readonly string[], named: boolean): AdapterFiles {
  const config = JSON.parse(files.config) as Config
  const { groups } = config.open_chat
  const owner = groups.flatMap(({ name, rank }) => new Array<string>(rank).fill(name))
  const kept = owner.flatMap((name, r) => (names.includes(name) ? [] : [r]))
  const tensors = [...readSafetensors(files.weights).tensors.values()].map((tensor) => {
    const values = safetensorFloats(tensor)
    const [first, second] = tensor.shape
    const cut = tensor.name.includes('lora_A')
      ? kept.flatMap((r) => [...values.subarray(r * second, (r + 1) * second)])
      : Array.from({ length: first }, (_, o) => kept.map((r) => values[o * second + r])).flat()
    const shape = tensor.name.includes('lora_A') ? [kept.length, second] : [first, kept.length]
    return { name: tensor.name, dtype: 'F32', shape, bytes: new Uint8Array(Float32Array.from(cut).buffer) }
  })
  const rest = groups.filter(({ name }) => !names.includes(name))
  // The scale stays what it was.
  const scale = config.lora_alpha / config.r
  const { open_chat, ...plain } = config
  const json = {
    ...plain,
    r: kept.length,
    lora_alpha: scale * kept.length,
    ...(named ? { open_chat: { ...open_chat, groups: rest } } : {}),
  }
  return { config: JSON.stringify(json), weights: writeSafetensors(tensors) }
}
