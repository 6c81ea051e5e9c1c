// A model folder as transformers keeps it (config.json, tokenizer.json, safetensors) as one GGUF file. Not a conversion on disk:
// the header is made here, the tensors are read where they lie, and only what GGUF keeps otherwise is rewritten as it is read
// (rows of q and k of arch `llama`; vectors, which GGUF keeps in F32).
// Invariants: every tensor the model has is there once, of a type the engine computes with, and no other that matters; the same
// files give the same bytes.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'
import { ConfigFile } from './config-file.ts'
import { ggufHeader, type HeaderTensor, keyBytes, type TypedValue } from './gguf-header.ts'
import { type FolderPlan, planFolder } from './hf-config.ts'
import { folderTensors, isIdle } from './hf-tensors.ts'
import { tokenizerKeys } from './hf-tokenizer.ts'
import { bytesSource, joinedSource, rewrittenSource, sliceSource } from './joined-source.ts'
import { permuteRows } from './permute.ts'
import { safetensorFloats } from './safetensors.ts'
import { readSafetensorsHeader, type SafetensorsEntry } from './safetensors-header.ts'
import type { NamedSource } from './split-gguf.ts'

/** The vocabularies in use make files of up to 35 MB. */
const mostJsonBytes = 1 << 27
const alignment = 32

const indexFile = 'model.safetensors.index.json'
const wholeFile = 'model.safetensors'

interface FoundTensor extends SafetensorsEntry {
  /** Its bytes in its file. */
  source: ByteSource
}

/** Names of the files that a folder's model may need; any others are of no use here. */
export function isFolderFile(name: string): boolean {
  return /^(config|generation_config|tokenizer|tokenizer_config|model\.safetensors\.index)\.json$|\.safetensors$|^chat_template\.jinja$/.test(
    baseName(name),
  )
}

/**
 * @param name of the model, where the folder has one
 * @returns the folder as one GGUF file
 * @throws model_part_missing, model_parts_mixed, model_config_invalid, architecture_unsupported, tokenizer_unsupported,
 * tensor_type_unsupported, safetensors_invalid, file_truncated
 */
export async function openHfFolder(files: readonly NamedSource[], name: string | null = null): Promise<ByteSource> {
  const config = await requiredJson(files, 'config.json')
  const plan = planFolder(config, name)
  const keys: [string, TypedValue][] = [
    ...plan.keys,
    ...tokenizerKeys({
      tokenizer: await requiredJson(files, 'tokenizer.json'),
      settings: await optionalJson(files, 'tokenizer_config.json'),
      chatTemplate: await optionalText(files, 'chat_template.jinja'),
      config,
      generation: await optionalJson(files, 'generation_config.json'),
    }),
  ]
  const found = await findTensors(files)
  // Before names are made for layers that are only promised.
  if (plan.layers > found.size)
    throw lacking(`${plan.layers} layers are promised, ${found.size} tensors are there.`, { key: 'num_hidden_layers' })
  const tensors: (HeaderTensor & { source: ByteSource })[] = []
  if (plan.ropeFreqs !== null) {
    const bytes = new Uint8Array(plan.ropeFreqs.buffer)
    const shape = [plan.ropeFreqs.length]
    tensors.push({ name: 'rope_freqs.weight', type: 'F32', shape, bytes: bytes.length, source: bytesSource(bytes) })
  }
  for (const { from, to, permuted } of folderTensors(plan)) {
    const tensor = found.get(from)
    if (tensor === undefined) throw lacking(`The folder has no tensor ${from}.`, { tensor: from })
    found.delete(from)
    tensors.push(asGguf(tensor, to, permuted, plan))
  }
  refuseOthers([...found.keys()], plan)
  const header = ggufHeader(
    keys.map(([key, value]) => keyBytes(key, value)),
    tensors,
  )
  const zeros = bytesSource(new Uint8Array(alignment))
  return joinedSource([
    bytesSource(header.bytes),
    ...tensors.flatMap(({ source }, i) => (header.padding[i] === 0 ? [source] : [source, sliceSource(zeros, 0, header.padding[i])])),
  ])
}

function asGguf(tensor: FoundTensor, name: string, heads: number | null, plan: FolderPlan): HeaderTensor & { source: ByteSource } {
  const { dtype, shape, source } = tensor
  if (dtype !== 'F32' && dtype !== 'F16' && dtype !== 'BF16') {
    throw new OpenChatError('tensor_type_unsupported', `Tensor ${tensor.name} is stored as ${dtype}; F32, F16 and BF16 are read.`, {
      meta: { tensor: tensor.name, type: dtype },
      action: 'Choose an unquantised folder, or a GGUF file.',
    })
  }
  const weights = shape.reduce((product, size) => product * size, 1)
  if (shape.length < 1 || shape.length > 2 || weights === 0) {
    throw new OpenChatError('safetensors_invalid', `Tensor ${tensor.name} has the shape ${shape.join('×')}.`, {
      meta: { tensor: tensor.name },
    })
  }
  const ggml = [...shape].reverse()
  if (shape.length === 1) {
    const widened = (bytes: Uint8Array) => new Uint8Array(safetensorFloats({ name, dtype, shape, bytes }).buffer)
    const rewritten = dtype === 'F32' ? source : rewrittenSource(source, 4 * weights, widened)
    return { name, type: 'F32', shape: ggml, bytes: 4 * weights, source: rewritten }
  }
  const permute = heads !== null && shape[0] === heads * plan.headDim && plan.headDim % 2 === 0
  const reordered = permute ? rewrittenSource(source, source.bytes, (bytes) => permuteRows(bytes, heads, plan.headDim)) : source
  return { name, type: dtype, shape: ggml, bytes: source.bytes, source: reordered }
}

function refuseOthers(names: string[], plan: FolderPlan): void {
  const strange = names.find((name) => !isIdle(name, plan))
  if (strange === undefined) return
  throw new OpenChatError('architecture_unsupported', `The folder holds tensor ${strange}, which ${plan.architecture} does not have.`, {
    meta: { tensor: strange, architecture: plan.architecture },
    action: 'Choose another model, or its GGUF file.',
  })
}

/** All tensors of the folder's safetensors files, by name. */
async function findTensors(files: readonly NamedSource[]): Promise<Map<string, FoundTensor>> {
  const index = await optionalJson(files, indexFile)
  const owners = index === null ? null : shardsOf(index)
  const found = new Map<string, FoundTensor>()
  const holder = new Map<string, string>()
  for (const shard of owners === null ? [wholeFile] : [...new Set(owners.values())].sort()) {
    const file = fileNamed(files, shard)
    if (file === null) throw lacking(missingWeights(files, shard), { file: shard })
    const { entries, dataOffset } = await readSafetensorsHeader(file.source)
    for (const entry of entries) {
      const other = holder.get(entry.name)
      if (other !== undefined) throw mixed(`Tensor ${entry.name} is in ${other} and in ${shard}.`, shard)
      holder.set(entry.name, shard)
      found.set(entry.name, { ...entry, source: sliceSource(file.source, dataOffset + entry.begin, entry.end - entry.begin) })
    }
  }
  for (const [tensor, shard] of owners ?? []) {
    if (holder.get(tensor) !== shard) throw mixed(`${shard} does not hold tensor ${tensor}, as ${indexFile} says it does.`, shard)
  }
  return found
}

function shardsOf(index: ConfigFile): Map<string, string> {
  const map = index.object('weight_map')
  if (map === null) throw index.fault('weight_map', 'must be an object')
  return new Map(
    map.entries().map(([tensor, shard]) => {
      if (typeof shard !== 'string' || shard.includes('/')) throw map.fault(tensor.slice(0, 80), 'must be the name of a file')
      return [tensor, shard]
    }),
  )
}

function missingWeights(files: readonly NamedSource[], wanted: string): string {
  const pickled = files.some(({ name }) => /\.(bin|pt|pth)$/.test(name))
  const reason = pickled ? ' What is there is a Python pickle, which could run anything.' : ''
  return `The folder has no ${wanted}.${reason}`
}

const baseName = (path: string) => path.split('/').at(-1) ?? path

/** The file of that name which lies least deep. */
function fileNamed(files: readonly NamedSource[], name: string): NamedSource | null {
  const same = files.filter((file) => baseName(file.name) === name)
  return same.sort((a, b) => a.name.split('/').length - b.name.split('/').length)[0] ?? null
}

async function textOf({ name, source }: NamedSource): Promise<Uint8Array> {
  if (source.bytes > mostJsonBytes) {
    throw new OpenChatError('model_config_invalid', `${baseName(name)} has ${source.bytes} bytes; at most ${mostJsonBytes} are read.`, {
      meta: { file: baseName(name) },
    })
  }
  return source.read(0, source.bytes)
}

async function optionalJson(files: readonly NamedSource[], name: string): Promise<ConfigFile | null> {
  const file = fileNamed(files, name)
  return file === null ? null : ConfigFile.parse(name, await textOf(file))
}

async function optionalText(files: readonly NamedSource[], name: string): Promise<string | null> {
  const file = fileNamed(files, name)
  return file === null ? null : new TextDecoder().decode(await textOf(file))
}

async function requiredJson(files: readonly NamedSource[], name: string): Promise<ConfigFile> {
  const file = await optionalJson(files, name)
  if (file !== null) return file
  throw lacking(`The folder has no ${name}.`, { file: name })
}

function lacking(sentence: string, meta: Record<string, string>): OpenChatError {
  return new OpenChatError('model_part_missing', sentence, { meta, action: 'Choose the whole folder of the model.' })
}

function mixed(sentence: string, file: string): OpenChatError {
  return new OpenChatError('model_parts_mixed', sentence, { meta: { file }, action: 'Fetch the folder again, as one.' })
}
