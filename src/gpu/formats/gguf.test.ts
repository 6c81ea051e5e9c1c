import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tinyModel } from '../../../scripts/tiny-model.ts'
import { OpenChatError } from '../../errors.ts'
import { createChatTemplate } from '../model/chat-template.ts'
import { modelConfig } from '../model/config.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { memorySource } from './bytes.testing.ts'
import { readGguf } from './gguf.ts'
import { writeGguf } from './gguf-writer.testing.ts'
import { dequantise } from './quant.ts'

const values = Float32Array.from({ length: 64 }, (_, i) => i)
const small = () =>
  writeGguf({ 'general.architecture': 'llama', words: ['a', 'ÿ', ''], flag: true, third: 1 / 3, ids: Int32Array.of(-1, 7) }, [
    { name: 'first', type: 'F32', shape: [16, 4], values },
    { name: 'second', type: 'Q8_0', shape: [64], values },
  ])

/** The file with `bytes` written over it where `marker` first occurs, `skip` bytes further. */
function patched(marker: string, skip: number, bytes: number[]): Uint8Array {
  const file = small()
  const at = Buffer.from(file).indexOf(marker) + marker.length + skip
  file.set(bytes, at)
  return file
}

const u64 = (value: bigint) => [...new Uint8Array(BigUint64Array.of(value).buffer)]
const refusal = (file: Uint8Array) =>
  readGguf(memorySource(file)).then(
    () => 'accepted',
    (error) => error as OpenChatError,
  )

describe('readGguf', () => {
  it('reads metadata and tensors', async () => {
    const file = small()
    const gguf = await readGguf(memorySource(file))
    expect(gguf.version).toBe(3)
    expect([...gguf.metadata]).toEqual([
      ['general.architecture', 'llama'],
      ['words', ['a', 'ÿ', '']],
      ['flag', true],
      ['third', Math.fround(1 / 3)],
      ['ids', Int32Array.of(-1, 7)],
    ])
    const first = gguf.tensors.get('first')
    expect(first).toMatchObject({ type: 'F32', shape: [16, 4], bytes: 256, offset: gguf.dataOffset })
    expect(gguf.tensors.get('second')).toMatchObject({ type: 'Q8_0', bytes: 68, offset: gguf.dataOffset + 256 })
    const bytes = file.subarray(gguf.dataOffset, gguf.dataOffset + 256)
    expect(dequantise('F32', bytes, new Float32Array(64))).toEqual(values)
  })

  it('names the tensor or key at fault', async () => {
    const cases: [Uint8Array, string, Record<string, unknown>][] = [
      [patched('', 0, [0x47, 0x47, 0x4d, 0x4c]), 'gguf_invalid', {}],
      [patched('GGUF', 0, [1]), 'gguf_invalid', { version: 1 }],
      [patched('GGUF', 4, u64(2n ** 40n)), 'gguf_invalid', { tensors: 2 ** 40 }],
      [patched('GGUF', 4, u64(2n ** 63n)), 'gguf_invalid', {}],
      [patched('GGUF', 12, u64(10_000n)), 'gguf_invalid', { keys: 10_000 }],
      [patched('words', 0, [77]), 'gguf_invalid', { key: 'words', type: 77 }],
      [patched('words', 8, u64(2n ** 50n)), 'gguf_invalid', { key: 'words', count: 2 ** 50 }],
      [patched('words', 16, u64(2n ** 50n)), 'file_truncated', { what: 'words' }],
      [patched('ids', 8, u64(2n ** 34n)), 'gguf_invalid', { key: 'ids', count: 2 ** 34 }],
      [patched('first', 0, [9]), 'gguf_invalid', { tensor: 'first', rank: 9 }],
      [patched('first', 4, u64(0n)), 'gguf_invalid', { tensor: 'first' }],
      [patched('first', 4, u64(2n ** 52n)), 'gguf_invalid', { tensor: 'first' }],
      [patched('first', 12, u64(5n)), 'gguf_invalid', { tensor: 'second', other: 'first' }],
      [patched('first', 20, [200]), 'tensor_type_unsupported', { tensor: 'first' }],
      [patched('first', 24, [4]), 'gguf_invalid', { tensor: 'first', offset: 4 }],
      [patched('second', 4, u64(65n)), 'gguf_invalid', { tensor: 'second' }],
      [patched('second', 16, u64(2n ** 45n)), 'file_truncated', { tensor: 'second' }],
      [patched('second', 0, []).slice(0, -64), 'file_truncated', { tensor: 'second' }],
    ]
    for (const [file, code, meta] of cases) {
      const error = await refusal(file)
      expect(error).toBeInstanceOf(OpenChatError)
      expect(error).toMatchObject({ code, meta })
    }
  })

  it('refuses a name twice', async () => {
    const twin = { name: 'twin', type: 'F32' as const, shape: [64], values }
    expect(await refusal(writeGguf({}, [twin, twin]))).toMatchObject({ code: 'gguf_invalid', meta: { tensor: 'twin' } })
  })

  it('answers every truncation and mutation of a whole model with a file or a typed error, and reads no more than the header', async () => {
    const model = tinyModel({ type: 'Q4_0' })
    const { dataOffset } = await readGguf(memorySource(model))
    const damage = fc.record({
      cut: fc.option(fc.integer({ min: 0, max: model.length - 1 }), { freq: 2 }),
      writes: fc.array(fc.tuple(fc.integer({ min: 0, max: dataOffset - 1 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ cut, writes }) => {
        const file = model.slice(0, cut ?? undefined)
        for (const [at, byte] of writes) if (at < file.length) file[at] = byte
        const source = memorySource(file)
        try {
          const gguf = await readGguf(source)
          modelConfig(gguf)
          createChatTemplate(gguf, createTokenizer(gguf)).encode([{ role: 'user', content: 'the state of the union' }])
        } catch (error) {
          expect(error).toBeInstanceOf(OpenChatError)
        }
        expect(source.largestRead).toBeLessThanOrEqual(Math.max(file.length, 1 << 16))
      }),
      { numRuns: 400 },
    )
  })
})
