import { describe, expect, it } from 'vitest'
import { tinyModel } from '../../../scripts/tiny-model.ts'
import { modelConfig } from '../model/config.ts'
import { memorySource } from './bytes.testing.ts'
import { type GgufTensor, readGguf } from './gguf.ts'
import { splitGguf } from './gguf-writer.testing.ts'
import { joinSplitGguf, type NamedSource, splitNames } from './split-gguf.ts'

const model = tinyModel({ type: 'Q4_0' })
const parts = await splitGguf(model, 3, 'tiny')
const other = await splitGguf(tinyModel({ type: 'Q4_0', seed: 2 }), 3, 'other')
const named = (files: { name: string; bytes: Uint8Array }[]): NamedSource[] =>
  files.map(({ name, bytes }) => ({ name, source: memorySource(bytes) }))

describe('joinSplitGguf', () => {
  it('reads as the whole model, parts in any order', async () => {
    const whole = await readGguf(memorySource(model))
    const source = await joinSplitGguf(named([parts[2], parts[0], parts[1]]))
    const joined = await readGguf(source)
    expect([...joined.metadata]).toEqual([...whole.metadata])
    expect([...joined.tensors.keys()].sort()).toEqual([...whole.tensors.keys()].sort())
    const bytesOf = (file: Uint8Array, { offset, bytes }: GgufTensor) => Buffer.from(file.subarray(offset, offset + bytes))
    for (const [name, tensor] of joined.tensors) {
      const got = Buffer.from(await source.read(tensor.offset, tensor.bytes))
      expect(got.equals(bytesOf(model, whole.tensors.get(name)!))).toBe(true)
    }
    // Across the borders of parts and of padding, as a copy of it is made.
    const copy = new Uint8Array(source.bytes)
    for (let at = 0; at < copy.length; at += 1000) copy.set(await source.read(at, Math.min(1000, copy.length - at)), at)
    expect(modelConfig(await readGguf(memorySource(copy)))).toEqual(modelConfig(whole))
  })

  it('names the parts of a splitting', () => {
    expect(splitNames('a-b-00002-of-00003.gguf')).toEqual(['a-b-00001-of-00003.gguf', 'a-b-00002-of-00003.gguf', 'a-b-00003-of-00003.gguf'])
    expect(splitNames('a.gguf')).toBeNull()
    expect(splitNames('a-00001-of-99999.gguf')).toBeNull()
  })

  it.each([
    ['a missing part', [parts[0], parts[2]], 'model_part_missing', 'tiny-00002-of-00003.gguf'],
    ['a missing first part', [parts[1], parts[2]], 'model_part_missing', 'tiny-00001-of-00003.gguf'],
    ['a part twice', [...parts, { ...parts[1], name: 'tiny-00003-of-00003.gguf' }], 'model_parts_mixed', 'tiny-00003-of-00003.gguf'],
    ['a part of another model', [parts[0], other[1], parts[2]], 'model_parts_mixed', 'other-00002-of-00003.gguf'],
    [
      'a renamed part whose tensors are another part’s',
      [parts[0], parts[1], { name: parts[2].name, bytes: renumbered(parts[1].bytes, 2) }],
      'model_parts_mixed',
      'tiny-00003-of-00003.gguf',
    ],
    ['a whole model among them', [...parts, { name: 'whole.gguf', bytes: model }], 'model_parts_mixed', 'whole.gguf'],
  ])('refuses %s by name', async (_, files, code, file) => {
    await expect(joinSplitGguf(named(files))).rejects.toMatchObject({ code, meta: { file } })
  })

  it('refuses parts that hold fewer tensors than they say', async () => {
    const short = await splitGguf(model, 3, 'tiny', 9)
    await expect(joinSplitGguf(named(short))).rejects.toMatchObject({ code: 'model_parts_mixed' })
  })

  it('a part alone is told from a file that lacks tensors', async () => {
    const alone = await readGguf(memorySource(parts[0].bytes))
    expect(() => modelConfig(alone)).toThrowError(expect.objectContaining({ code: 'model_part_missing' }))
  })
})

/** The part with another number of itself. */
function renumbered(file: Uint8Array, no: number): Uint8Array {
  const copy = file.slice()
  const at = Buffer.from(copy).indexOf('split.no') + 'split.no'.length + 4
  copy[at] = no
  return copy
}
