// Damaged GGUF files, made with knowledge of the format: a field of the header set to an awkward number, a key replaced by
// another type, a tensor renamed, reshaped, moved. Not random bytes alone: most of those stop at the magic number.
// Invariant: same seed, same files.
import { type GgufTensor, readGguf } from './gguf.ts'
import { ggufHeader, type HeaderTensor, keyBytes, type TypedValue } from './gguf-header.ts'
import { bytesSource } from './joined-source.ts'
import { tensorTypes } from './quant.ts'

/** mulberry32: a whole number below `below`. */
export type Random = (below: number) => number

export function randomOf(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below)
  }
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]

interface Base {
  file: Uint8Array
  /** Key, and its bytes with its value. */
  keys: [string, Uint8Array][]
  tensors: GgufTensor[]
  dataOffset: number
  /** Where u32 and u64 that count or measure stand. */
  fields: { at: number; bytes: 4 | 8 }[]
}

const awkward = [0n, 1n, 2n, 3n, 7n, 8n, 9n, 12n, 31n, 32n, 33n, 255n, 256n, 65535n, 65536n, 1n << 20n, (1n << 31n) - 1n, 1n << 31n].concat(
  [(1n << 32n) - 1n, 1n << 32n, 1n << 40n, (1n << 53n) - 1n, 1n << 53n, 1n << 63n, (1n << 64n) - 1n],
)

export async function ggufBase(file: Uint8Array): Promise<Base> {
  const keys: [string, Uint8Array][] = []
  const fields: Base['fields'] = [
    { at: 4, bytes: 4 },
    { at: 8, bytes: 8 },
    { at: 16, bytes: 8 },
  ]
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  let end = 24
  const gguf = await readGguf(bytesSource(file), (key, from, to) => {
    keys.push([key, file.subarray(from, to)])
    const typeAt = from + 8 + Buffer.byteLength(key)
    fields.push({ at: from, bytes: 8 }, { at: typeAt, bytes: 4 })
    const type = view.getUint32(typeAt, true)
    if (type === 8) fields.push({ at: typeAt + 4, bytes: 8 })
    else if (type === 9) fields.push({ at: typeAt + 4, bytes: 4 }, { at: typeAt + 8, bytes: 8 }, { at: typeAt + 16, bytes: 8 })
    else fields.push({ at: typeAt + 4, bytes: 4 })
    end = to
  })
  for (const { name, shape } of gguf.tensors.values()) {
    const rankAt = end + 8 + Buffer.byteLength(name)
    fields.push({ at: end, bytes: 8 }, { at: rankAt, bytes: 4 })
    for (let i = 0; i < shape.length; i++) fields.push({ at: rankAt + 4 + 8 * i, bytes: 8 })
    const typeAt = rankAt + 4 + 8 * shape.length
    fields.push({ at: typeAt, bytes: 4 }, { at: typeAt + 4, bytes: 8 })
    end = typeAt + 12
  }
  return { file, keys, tensors: [...gguf.tensors.values()], dataOffset: gguf.dataOffset, fields }
}

/** One damaged file: its header rewritten with other content, or its bytes changed in place; or both. */
export function mutateGguf(base: Base, random: Random): Uint8Array {
  const rewritten = random(2) === 0 ? rewrite(base, random) : base.file.slice()
  if (rewritten.length > 0 && random(2) === 0) damage(rewritten, base, random)
  if (random(8) === 0) return rewritten.slice(0, random(rewritten.length + 1))
  return rewritten
}

function damage(file: Uint8Array, { fields, dataOffset }: Base, random: Random): void {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  for (let times = 1 + random(3); times > 0; times--) {
    const { at, bytes } = pick(random, fields)
    const kind = random(5)
    if (kind === 0) file[random(Math.min(dataOffset, file.length))] = random(256)
    else if (kind === 1) file[random(file.length)] ^= 1 << random(8)
    else if (at + bytes > file.length) continue
    else if (kind === 2 && bytes === 4) view.setUint32(at, view.getUint32(at, true) + pick(random, [1, -1, 2, 16]), true)
    else if (kind === 2) view.setBigUint64(at, BigInt.asUintN(64, view.getBigUint64(at, true) + pick(random, [1n, -1n, 8n, 32n])), true)
    else if (bytes === 4) view.setUint32(at, Number(BigInt.asUintN(32, pick(random, awkward))), true)
    else view.setBigUint64(at, pick(random, awkward), true)
  }
}

/** Another model in the same form: keys and tensors dropped, doubled, exchanged, given other values. */
function rewrite(base: Base, random: Random): Uint8Array {
  const keys = base.keys.map(([, bytes]) => bytes)
  const tensors: HeaderTensor[] = base.tensors.map((tensor) => ({ ...tensor }))
  for (let times = 1 + random(3); times > 0; times--) {
    const key = random(keys.length)
    const tensor = tensors[random(tensors.length)]
    const kind = random(9)
    if (kind === 0) keys.splice(key, 1)
    else if (kind === 1) keys.push(keys[key])
    else if (kind <= 4) keys[key] = keyBytes(base.keys[random(base.keys.length)][0], oddValue(random))
    else if (kind === 5) keys.push(keyBytes(pick(random, knownKeys), oddValue(random)))
    else if (tensor === undefined || keys.length === 0) continue
    else if (kind === 6) tensors.splice(tensors.indexOf(tensor), 1)
    else if (kind === 7) tensor.name = pick(random, [...base.tensors.map(({ name }) => name), 'output.bias', 'blk.-1.attn_q.weight', ''])
    else reshape(tensor, random)
    if (keys.length === 0) keys.push(keyBytes('empty', { u32: 0 }))
  }
  const { bytes, padding } = ggufHeader(keys, tensors)
  const data = base.file.subarray(base.dataOffset)
  const missing = tensors.reduce((sum, { bytes: length }, i) => sum + length + padding[i], 0) - data.length
  const tail = random(10) === 0 ? 0 : Math.min(1 << 20, Math.max(0, missing))
  const out = new Uint8Array(bytes.length + data.length + tail)
  out.set(bytes)
  out.set(data, bytes.length)
  return out
}

function reshape(tensor: HeaderTensor, random: Random): void {
  const kind = random(4)
  if (kind === 0) tensor.shape = [...tensor.shape].reverse()
  else if (kind === 1) tensor.shape = tensor.shape.map((size) => pick(random, [size, size + 1, size * 2, size / 2, 32, 256]))
  else if (kind === 2) tensor.shape = [...tensor.shape, 1 + random(3)]
  else tensor.type = pick(random, Object.keys(tensorTypes))
  const type = tensorTypes[tensor.type as keyof typeof tensorTypes]
  tensor.bytes = Math.ceil((tensor.shape.reduce((product, size) => product * size, 1) / type.block) * type.bytes)
}

const knownKeys = ['llama.attention.sliding_window', 'llama.rope.scaling.type', 'llama.rope.scaling.factor', 'split.count', 'split.no']
  .concat(['llama.attention.key_length', 'llama.rope.dimension_count', 'general.alignment', 'tokenizer.ggml.add_bos_token'])
  .concat(['tokenizer.ggml.eot_token_id', 'tokenizer.ggml.token_type', 'tokenizer.ggml.pre', 'tokenizer.chat_template'])

function oddValue(random: Random): TypedValue {
  switch (random(8)) {
    case 0:
      return { u32: Number(BigInt.asUintN(32, pick(random, awkward))) }
    case 1:
      return { u32: 1 + random(64) }
    case 2:
      return { f32: pick(random, [0, -1, 1e-5, 0.5, 4, 1e30, Number.NaN, Number.POSITIVE_INFINITY]) }
    case 3:
      return { bool: random(2) === 0 }
    case 4:
      return {
        text: pick(random, [
          '',
          'llama',
          'qwen2',
          'qwen3',
          'gpt2',
          'llama-bpe',
          'tekken',
          'yarn',
          'linear',
          '\ud800',
          '{{ x.y.z }}',
          '{% if %}',
        ]),
      }
    case 5:
      return { texts: Array.from({ length: random(400) }, (_, i) => pick(random, [`t${i}`, 'a b', '', 'Ġ', '<|im_end|>', '(', '[x-'])) }
    case 6:
      return { i32s: Int32Array.from({ length: random(400) }, () => random(7) - 1) }
    default:
      return { f32s: Float32Array.from({ length: random(8) }, () => random(9) - 4) }
  }
}
