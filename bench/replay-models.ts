// Models and adapters for bench/replay.ts, and the engines that hold them: the default model, or seeded random ones of a few hundred
// kB; beside each the closest that another quantisation comes. Not a bench.
import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { openFile, openModel, openNodeGpu, readAdapterFolder } from '../scripts/node-engine.ts'
import { tinyAdapter, tinyModel } from '../scripts/tiny-model.ts'
import { openDevice } from '../src/gpu/device.ts'
import { loadEngine } from '../src/gpu/engine.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { writeGguf } from '../src/gpu/formats/gguf-writer.testing.ts'
import { dequantise, requireSupportedType } from '../src/gpu/formats/quant.ts'
import type { AdapterFiles, Engine } from '../src/gpu/types.ts'

export interface NamedAdapter {
  /** sha256 of its weights, hex. */
  digest: string
  files: AdapterFiles
}

const named = (files: AdapterFiles): NamedAdapter => ({ digest: createHash('sha256').update(files.weights).digest('hex'), files })

/** Paths of a model and of the same weights, or nearly, in another quantisation. */
export async function tinyPair(): Promise<[string, string]> {
  const write = async (type: 'Q5_0' | 'Q8_0') => {
    const path = join(tmpdir(), `replay-tiny-${type}-${process.pid}.gguf`)
    await writeFile(path, tinyModel({ type, seed: 3 }))
    return path
  }
  return [await write('Q5_0'), await write('Q8_0')]
}

/** The file, and its own weights stored in 8 bits. */
export async function requantised(path: string): Promise<[string, string]> {
  const out = join(tmpdir(), `replay-requantised-${process.pid}.gguf`)
  const source = await openFile(path)
  const gguf = await readGguf(source)
  const tensors = await Promise.all(
    [...gguf.tensors.values()].map(async ({ name, shape, type, offset, bytes }) => {
      const elements = shape.reduce((a, b) => a * b, 1)
      const packed = await source.read(offset, bytes)
      return {
        name,
        shape,
        type: shape.length > 1 ? ('Q8_0' as const) : ('F32' as const),
        // Unpacked when it is written, so that one tensor's floats are in memory at a time.
        get values() {
          return dequantise(requireSupportedType({ name, type }), packed, new Float32Array(elements))
        },
      }
    }),
  )
  await source.close()
  const kept = [...gguf.metadata].filter(([, value]) => !(value instanceof Float32Array))
  await writeFile(out, writeGguf(Object.fromEntries(kept), tensors))
  return [path, out]
}

/** The one that answers are made under, and another one. */
export async function adapterPair(tiny: boolean): Promise<[NamedAdapter, NamedAdapter]> {
  if (tiny) return [named(tinyAdapter({ seed: 5 })), named(tinyAdapter({ seed: 6 }))]
  const folder = (name: string) => readAdapterFolder(resolve(import.meta.dirname, '../adapters', name))
  return [named(await folder('public-speech')), named(await folder('law'))]
}

/** An engine of its own for `work`. @param decodeVariant absent: whichever is faster here */
export async function withEngine<T>(
  path: string,
  adapters: readonly NamedAdapter[],
  work: (engine: Engine) => Promise<T>,
  decodeVariant?: 'lanes' | 'thread-1',
): Promise<T> {
  const source = await openModel(path)
  const device = await openDevice(openNodeGpu())
  const engine = await loadEngine({ device, source, contextTokens: 512, ...(decodeVariant === undefined ? {} : { decodeVariant }) })
  try {
    for (const { digest, files } of adapters) await engine.addAdapter(digest, files)
    return await work(engine)
  } finally {
    engine.dispose()
    device.destroy()
    await source.close()
  }
}
