// Models in several files on the device: folders of transformers against transformers' logits, a splitting against the whole.
import { describe, expect, it } from 'vitest'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice, usual } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { folderFiles, folderVectors } from './folders.testing.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { splitGguf } from './formats/gguf-writer.testing.ts'
import { modelSource } from './formats/model-source.ts'
import type { ByteSource, Engine } from './types.ts'
import { maxDifference, vectorFloats } from './vectors.testing.ts'

const device = await openTestDevice()

async function withEngine<T>(source: ByteSource, work: (engine: Engine) => Promise<T>, slidingWindow?: number): Promise<T> {
  const engine = await loadEngine({ device, source, ...usual(device), ...(slidingWindow === undefined ? {} : { slidingWindow }) })
  try {
    return await work(engine)
  } finally {
    engine.dispose()
  }
}

async function logitsOf(engine: Engine, tokens: number[]): Promise<Float32Array> {
  const session = engine.session()
  const logits = await session.prefill(tokens)
  session.dispose()
  return logits
}

describe('the engine on folders', () => {
  it.each(folderVectors)('$folder', async ({ folder, cases }) => {
    await withEngine(await modelSource(folderFiles(folder)), async (engine) => {
      for (const { tokens, logits, greedy } of cases) {
        expect(maxDifference(await logitsOf(engine, tokens), vectorFloats('folders', logits))).toBeLessThan(2e-4)
        for await (const event of engine.complete({ tokens, maxTokens: greedy.length, temperature: 0 })) {
          if (event.type === 'end') expect(event.tokens).toEqual(greedy)
        }
      }
    })
  })
})

const tokens = Array.from({ length: 50 }, (_, i) => (i * 101 + 7) % 300)

it('a splitting computes what the whole does, to the bit', async () => {
  const file = tinyModel({ type: 'Q4_0' })
  const whole = await withEngine(memorySource(file), (engine) => logitsOf(engine, tokens))
  const parts = (await splitGguf(file, 3, 'tiny')).map(({ name, bytes }) => ({ name, source: memorySource(bytes) }))
  expect(await withEngine(await modelSource(parts), (engine) => logitsOf(engine, tokens))).toEqual(whole)
})

it('a window that the file does not name is the one it is given', async () => {
  const source = await modelSource(folderFiles('mistral-window24-f16'))
  const { cases } = folderVectors.find(({ folder }) => folder === 'mistral-window24-f16')!
  const longest = cases[2]
  // The same file without its key: what many GGUF files of Mistral are.
  const bytes = Uint8Array.from(await source.read(0, source.bytes))
  bytes.set(new TextEncoder().encode('sliding_absent'), Buffer.from(bytes).indexOf('sliding_window'))
  const want = vectorFloats('folders', longest.logits)
  const at = (window?: number) =>
    withEngine(memorySource(bytes), async (engine) => maxDifference(await logitsOf(engine, longest.tokens), want), window)
  expect(await at(24)).toBeLessThan(2e-4)
  expect(await at()).toBeGreaterThan(0.2)
})
