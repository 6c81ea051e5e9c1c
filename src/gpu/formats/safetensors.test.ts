import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { tinyAdapter } from '../../../scripts/tiny-model.ts'
import { OpenChatError } from '../../errors.ts'
import { readSafetensors, safetensorFloats, writeSafetensors } from './safetensors.ts'

/** A file with the given header text and `bytes` of zeros. */
function file(header: string, bytes: number): Uint8Array {
  const text = new TextEncoder().encode(header)
  const out = new Uint8Array(8 + text.length + bytes)
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true)
  out.set(text, 8)
  return out
}

const entry = (dtype: string, shape: number[], from: number, to: number) => JSON.stringify({ dtype, shape, data_offsets: [from, to] })

describe('readSafetensors', () => {
  it('reads what was written, at any alignment', () => {
    const bytes = new Uint8Array(Float32Array.of(1.5, -2).buffer)
    const written = writeSafetensors([{ name: 'w', dtype: 'F32', shape: [2, 1], bytes }], { format: 'pt' })
    const shifted = new Uint8Array(written.length + 1)
    shifted.set(written, 1)
    const { tensors, metadata } = readSafetensors(shifted.subarray(1))
    expect(metadata.get('format')).toBe('pt')
    expect(tensors.get('w')).toMatchObject({ dtype: 'F32', shape: [2, 1] })
    expect([...safetensorFloats(tensors.get('w')!)]).toEqual([1.5, -2])
  })

  it('decodes F16 and BF16', () => {
    const half = { name: 'h', dtype: 'F16', shape: [1], bytes: Uint8Array.of(0x00, 0xc0) }
    const bfloat = { name: 'b', dtype: 'BF16', shape: [1], bytes: Uint8Array.of(0xa0, 0x40) }
    expect(safetensorFloats(half)[0]).toBe(-2)
    expect(safetensorFloats(bfloat)[0]).toBe(5)
    expect(() => safetensorFloats({ ...half, dtype: 'I16' })).toThrowError(expect.objectContaining({ code: 'tensor_type_unsupported' }))
  })

  it.each([
    ['seven bytes', new Uint8Array(7), 'file_truncated'],
    ['a header longer than the file', file('{}', 0).fill(200, 0, 1), 'file_truncated'],
    ['a header of 2^60 bytes', file('{}', 0).fill(16, 7, 8), 'safetensors_invalid'],
    ['a header that is no JSON', file('{"a":', 0), 'safetensors_invalid'],
    ['a header that is a list', file('[]', 0), 'safetensors_invalid'],
    ['an entry that is null', file('{"a":null}', 0), 'safetensors_invalid'],
    ['an unknown dtype', file(`{"a":${entry('F4', [1], 0, 1)}}`, 1), 'safetensors_invalid'],
    ['a negative size', file(`{"a":${entry('F32', [-1], 0, 4)}}`, 4), 'safetensors_invalid'],
    ['a shape that overflows', file(`{"a":${entry('F32', [2 ** 30, 2 ** 30], 0, 4)}}`, 4), 'safetensors_invalid'],
    ['a size that does not fit', file(`{"a":${entry('F32', [2], 0, 4)}}`, 4), 'safetensors_invalid'],
    ['offsets reversed', file(`{"a":${entry('F32', [1], 4, 0)}}`, 4), 'safetensors_invalid'],
    ['a tensor past the end', file(`{"a":${entry('F32', [2], 0, 8)}}`, 4), 'file_truncated'],
    ['an overlap', file(`{"a":${entry('U8', [4], 0, 4)},"b":${entry('U8', [4], 2, 6)}}`, 6), 'safetensors_invalid'],
    ['a hole', file(`{"a":${entry('U8', [1], 0, 1)},"b":${entry('U8', [1], 2, 3)}}`, 3), 'safetensors_invalid'],
    ['data nobody owns', file(`{"a":${entry('U8', [1], 0, 1)}}`, 2), 'safetensors_invalid'],
  ])('refuses %s', (_, bytes, code) => {
    expect(() => readSafetensors(bytes)).toThrowError(expect.objectContaining({ code }))
  })

  it('answers every truncation and mutation with a table or a typed error', () => {
    const { weights } = tinyAdapter()
    const damage = fc.record({
      cut: fc.option(fc.integer({ min: 0, max: weights.length - 1 }), { freq: 2 }),
      writes: fc.array(fc.tuple(fc.integer({ min: 0, max: 1500 }), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    })
    fc.assert(
      fc.property(damage, ({ cut, writes }) => {
        const broken = weights.slice(0, cut ?? undefined)
        for (const [at, byte] of writes) if (at < broken.length) broken[at] = byte
        try {
          readSafetensors(broken)
        } catch (error) {
          expect(error).toBeInstanceOf(OpenChatError)
        }
      }),
      { numRuns: 500 },
    )
  })
})
