// How the default model comes from storage to the device: each chunk read and hashed once, and how much of the file is held at a
// time, printed.
import { openAsBlob } from 'node:fs'
import { afterAll, expect, it } from 'vitest'
import catalogue from '../../public/catalogue.json'
import { defaultModelPath, openNodeGpu } from '../../scripts/node-engine.ts'
import { Arena, deviceBuffers } from '../gpu/arena.ts'
import { openDevice } from '../gpu/device.ts'
import { readGguf } from '../gpu/formats/gguf.ts'
import { modelConfig } from '../gpu/model/config.ts'
import { memoryShape } from '../gpu/model/memory-plan.ts'
import { beginWeights } from '../gpu/model/weights.ts'
import { CHUNK_BYTES } from '../storage/blob-writer.ts'
import { verifiedSource } from './sources.ts'

const device = await openDevice(openNodeGpu())
afterAll(() => device.destroy())

it('reads and hashes each chunk about once, and holds a few strips of a matrix at a time, never a whole one', async () => {
  const { chunks } = catalogue.models[0]!
  const kept = verifiedSource(await openAsBlob(defaultModelPath()), { chunkBytes: CHUNK_BYTES, chunks })
  const gguf = await readGguf(kept)
  const header = kept.chunksRead
  let [given, written, most, reading, together] = [0, 0, 0, 0, 0]
  const source = {
    bytes: kept.bytes,
    async read(offset: number, length: number) {
      given += length
      most = Math.max(most, given - written)
      together = Math.max(together, ++reading)
      return kept.read(offset, length).finally(() => reading--)
    },
  }
  const writes: number[] = []
  const write = device.gpu.queue.writeBuffer.bind(device.gpu.queue)
  device.gpu.queue.writeBuffer = (buffer, offset, data, from, size) => {
    writes.push(data.byteLength)
    write(buffer, offset, data, from, size)
  }
  const arena = new Arena(deviceBuffers(device.gpu))
  const begin = performance.now()
  const onProgress = (done: number) => {
    written = done
  }
  const weights = await beginWeights(device.gpu, arena, gguf, modelConfig(gguf), source, { onProgress })
  const begun = written
  await weights.finish()
  await device.gpu.queue.onSubmittedWorkDone()
  const ms = performance.now() - begin
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  const largest = Math.max(...[...gguf.tensors.values()].map(({ bytes }) => bytes))
  process.stdout.write(
    `${mb(kept.bytes)} in ${kept.chunksRead - header} chunks of ${chunks.length}, ${ms.toFixed(0)} ms; held at most ${mb(most)} of the file ` +
      `(its largest tensor is ${mb(largest)}), ${together} reads at a time, at most ${mb(Math.max(...writes))} packed at once\n`,
  )
  expect(weights.bytes).toBe(memoryShape(gguf).weights)
  expect(written).toBe([...gguf.tensors.values()].reduce((sum, { bytes }) => sum + bytes, 0))
  // Some of what comes first lies at the file's end, or in one chunk with what comes later; chunks of the header may be at hand still.
  expect(kept.chunksRead - header).toBeLessThanOrEqual(chunks.length + 3)
  // The embedding and one layer of thirty.
  expect(begun).toBeLessThan(0.4 * written)
  expect(most).toBeLessThanOrEqual(9 << 20)
  expect(most).toBeLessThan(largest)
  expect(Math.max(...writes)).toBeLessThanOrEqual(2 << 20)
  expect(together).toBeGreaterThan(1)
  weights.release()
})
