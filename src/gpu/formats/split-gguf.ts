// A model in several GGUF files as one: `NAME-00001-of-00003.gguf`. Not a copy: the parts are read where they lie.
// Each part is a GGUF file with some of the tensors; the first holds the model's keys. What comes out reads as one GGUF file
// with the keys of the first, less `split.*`, and the tensors of all, in the order of the parts.
// Invariants: every part is there once, all are of one splitting, and together they hold as many tensors as they say.
// Source: llama.cpp's gguf-split: keys split.no (from 0), split.count, split.tensors.count.
import { OpenChatError } from '../../errors.ts'
import type { ByteSource } from '../types.ts'
import { type GgufFile, type GgufTensor, readGguf } from './gguf.ts'
import { ggufHeader } from './gguf-header.ts'
import { bytesSource, joinedSource, sliceSource } from './joined-source.ts'

export interface NamedSource {
  /** The file's name; folders before it do not matter. */
  name: string
  source: ByteSource
}

interface Part extends NamedSource {
  gguf: GgufFile
  /** The first part's keys as they stand in the file. */
  keys: Uint8Array[]
}

const partName = /^(.*)-(\d{5})-of-(\d{5})\.gguf$/i

/** Names of all parts of the splitting that `name` belongs to; null when it is no part's name. */
export function splitNames(name: string): string[] | null {
  const [, stem, , count] = partName.exec(name) ?? []
  if (count === undefined || Number(count) < 1 || Number(count) > 1000) return null
  return Array.from({ length: Number(count) }, (_, i) => `${stem}-${String(i + 1).padStart(5, '0')}-of-${count}.gguf`)
}

/**
 * @returns the parts as one GGUF file
 * @throws model_part_missing, model_parts_mixed, gguf_invalid, file_truncated; each names the file
 */
export async function joinSplitGguf(files: readonly NamedSource[]): Promise<ByteSource> {
  const found = new Map<number, Part>()
  let expected: { count: number; tensors: number | null; name: string } | null = null
  for (const file of files) {
    const keys: [key: string, from: number, to: number][] = []
    const gguf = await readGguf(file.source, (...key) => keys.push(key))
    const { no, count, tensors } = splitKeys(gguf, file.name)
    expected ??= { count, tensors, name: file.name }
    if (expected.count !== count || expected.tensors !== tensors || stemOf(expected.name) !== stemOf(file.name)) {
      throw mixed(`${file.name} is a part of another model than ${expected.name}.`, file.name)
    }
    const twin = found.get(no)
    if (twin !== undefined) throw mixed(`${file.name} and ${twin.name} are both part ${no + 1} of ${count}.`, file.name)
    const kept = no === 0 ? keys.filter(([key]) => !key.startsWith('split.')) : []
    found.set(no, { ...file, gguf, keys: await Promise.all(kept.map(([, from, to]) => file.source.read(from, to - from))) })
  }
  if (expected === null) throw missing('There is no part of a model among these files.', '', 0)
  const { count, tensors: total, name } = expected
  const absent = Array.from({ length: count }, (_, no) => no).filter((no) => !found.has(no))
  if (absent.length > 0) {
    const names = absent.map((no) => splitNames(name)?.[no] ?? `part ${no + 1} of ${count}`)
    throw missing(`Of the ${count} parts of this model, ${names.length} are not here: ${names.slice(0, 3).join(', ')}.`, names[0], count)
  }
  return join(
    [...found.values()].sort((a, b) => splitKeys(a.gguf, a.name).no - splitKeys(b.gguf, b.name).no),
    total,
  )
}

function join(parts: readonly Part[], total: number | null): ByteSource {
  const owner = new Map<string, string>()
  const tensors: { tensor: GgufTensor; source: ByteSource }[] = []
  for (const { name, gguf, source } of parts) {
    for (const tensor of gguf.tensors.values()) {
      const other = owner.get(tensor.name)
      if (other !== undefined) throw mixed(`Tensor ${tensor.name} is in ${other} and in ${name}.`, name)
      owner.set(tensor.name, name)
      tensors.push({ tensor, source })
    }
  }
  if (total !== null && total !== tensors.length) {
    throw mixed(`The parts hold ${tensors.length} tensors; they say that the model has ${total}.`, parts[0].name)
  }
  const { bytes, padding } = ggufHeader(
    parts[0].keys,
    tensors.map(({ tensor }) => tensor),
    parts[0].gguf.alignment,
  )
  const zeros = bytesSource(new Uint8Array(parts[0].gguf.alignment))
  const data = tensors.flatMap(({ tensor, source }, i) => [
    sliceSource(source, tensor.offset, tensor.bytes),
    ...(padding[i] === 0 ? [] : [sliceSource(zeros, 0, padding[i])]),
  ])
  return joinedSource([bytesSource(bytes), ...data])
}

function stemOf(name: string): string {
  const base = name.split('/').at(-1) ?? name
  return partName.exec(base)?.[1] ?? ''
}

function splitKeys(gguf: GgufFile, file: string): { no: number; count: number; tensors: number | null } {
  const [no, count, tensors] = ['split.no', 'split.count', 'split.tensors.count'].map((key) => gguf.metadata.get(key))
  const whole = (value: unknown, least: number, most: number): value is number =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
  if (no === undefined && count === undefined) throw mixed(`${file} is a whole model, not a part of one.`, file)
  if (!whole(count, 1, 1000) || !whole(no, 0, count - 1) || (tensors !== undefined && !whole(tensors, 0, 2 ** 31))) {
    throw new OpenChatError('gguf_invalid', `${file} says it is part ${Number(no) + 1} of ${Number(count)}.`, {
      meta: { file },
      action: 'Fetch the file again.',
    })
  }
  return { no, count, tensors: tensors ?? null }
}

function mixed(sentence: string, file: string): OpenChatError {
  return new OpenChatError('model_parts_mixed', sentence, { meta: { file }, action: 'Choose the parts of one model only, each once.' })
}

function missing(sentence: string, file: string, count: number): OpenChatError {
  return new OpenChatError('model_part_missing', sentence, { meta: { file, count }, action: 'Choose all parts of the model together.' })
}
