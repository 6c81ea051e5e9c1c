// The engine on small models: against PyTorch's vectors, and in every storage type against the f64 forward pass.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice, usual } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import { readGguf } from './formats/gguf.ts'
import { loraModules, readPeft } from './formats/peft.ts'
import { loadReference, referenceLogits } from './reference/forward.ts'
import type { Engine } from './types.ts'
import { maxDifference, type TinyVector, vectorFloats, vectorJson, vectorsFolder } from './vectors.testing.ts'

const bar = 2e-4
const device = await openTestDevice()

async function withEngine<T>(file: Uint8Array, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = await loadEngine({ device, source: memorySource(file), ...usual(device) })
  try {
    return await work(engine)
  } finally {
    engine.dispose()
  }
}

async function promptLogits(engine: Engine, tokens: number[], adapter: string | null = null): Promise<Float32Array> {
  const session = engine.session(adapter)
  const logits = await session.prefill(tokens)
  session.dispose()
  return logits
}

describe('the engine against PyTorch', () => {
  it.each(vectorJson<{ files: TinyVector[] }>('tiny', 'manifest.json').files)('$file', async ({ file, cases }) => {
    await withEngine(readFileSync(join(vectorsFolder, 'tiny', file)), async (engine) => {
      for (const { tokens, logits, greedy } of cases) {
        expect(maxDifference(await promptLogits(engine, tokens), vectorFloats('tiny', logits))).toBeLessThan(bar)
        for await (const event of engine.complete({ tokens, maxTokens: greedy.length, temperature: 0 })) {
          if (event.type === 'end') expect(event.tokens).toEqual(greedy)
        }
      }
    })
  })
})

describe('the engine against the f64 forward pass', () => {
  // The other types are in the vectors above; a type costs seconds of shader compilation on SwiftShader.
  it.each([
    ['BF16', 'llama'],
    ['Q4_0', 'llama'],
    ['Q4_1', 'llama'],
    ['Q5_0', 'qwen2'],
    ['Q5_1', 'qwen3'],
  ] as const)('%s in %s, with and without adapters', async (type, architecture) => {
    const file = tinyModel({ type, architecture, seed: 3 })
    const source = memorySource(file)
    const model = await loadReference(await readGguf(source), source)
    const adapters = {
      few: tinyAdapter({ rank: 3, modules: ['k_proj', 'o_proj'], layers: [1] }),
      all: tinyAdapter({ rank: 9, seed: 11, modules: [...loraModules], config: { use_rslora: true, lora_alpha: 12 } }),
    }
    const tokens = Array.from({ length: 37 }, (_, i) => (i * 101 + 7) % 300)
    await withEngine(file, async (engine) => {
      const without = await promptLogits(engine, tokens)
      expect(maxDifference(without, referenceLogits(model, tokens)[0])).toBeLessThan(bar)
      for (const [name, files] of Object.entries(adapters)) {
        await engine.addAdapter(name, files)
        const { deltas } = readPeft(files, model.config)
        const got = await promptLogits(engine, tokens, name)
        expect(maxDifference(got, referenceLogits(model, tokens, { deltas })[0])).toBeLessThan(bar)
        expect(maxDifference(got, without)).toBeGreaterThan(0.1)
      }
    })
  })
})
