import fc from 'fast-check'
import { expect, it } from 'vitest'
import { digestOf } from '../storage/digest.ts'
import { verifiedSource } from './sources.ts'

const chunkBytes = 64

async function kept(bytes: Uint8Array<ArrayBuffer>) {
  const chunks: string[] = []
  for (let at = 0; at < bytes.length; at += chunkBytes) chunks.push(await digestOf(bytes.subarray(at, at + chunkBytes)))
  return { blob: new Blob([bytes]), list: { chunkBytes, chunks } }
}

const file = Uint8Array.from({ length: 1000 }, (_, i) => (i * 37) & 255)

it('gives exactly what was asked for, wherever it lies', async () => {
  const { blob, list } = await kept(file)
  const source = verifiedSource(blob, list)
  await fc.assert(
    fc.asyncProperty(fc.nat(999), fc.nat(400), async (offset, length) => {
      const fitting = Math.min(length, file.length - offset)
      expect(await source.read(offset, fitting)).toEqual(file.slice(offset, offset + fitting))
    }),
  )
  await expect(source.read(990, 11)).rejects.toMatchObject({ code: 'file_truncated' })
})

it('reads each chunk once, front to end and two places side by side', async () => {
  const { blob, list } = await kept(file)
  const source = verifiedSource(blob, list)
  const reads: Promise<Uint8Array>[] = []
  for (let at = 0; at < 500; at += 10) reads.push(source.read(at, 10), source.read(500 + at, 10))
  await Promise.all(reads)
  expect(source.chunksRead).toBe(17)
  source.forget()
  await source.read(0, 1)
  expect(source.chunksRead).toBe(18)
})

it('names a chunk that has changed, and gives no byte of it', async () => {
  const { list } = await kept(file)
  const flipped = file.slice()
  flipped[130] ^= 4
  const source = verifiedSource(new Blob([flipped]), list)
  expect(await source.read(0, 128)).toEqual(file.slice(0, 128))
  await expect(source.read(120, 10)).rejects.toMatchObject({ code: 'chunk_mismatch', meta: { chunk: 2, offset: 128 } })
  expect(await source.read(192, 808)).toEqual(file.slice(192))
})
