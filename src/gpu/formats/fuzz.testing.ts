// Runs every reader of foreign files over damaged ones and judges what comes back: a result or a typed error, nothing else, and
// no more memory than the file is worth. Used by fuzz.test.ts and by `npm run fuzz:formats`, which runs longer.
// What is run is all that stands between a file without a known digest and the device: header, sizes, plan, tokenizer, template,
// every tensor read and decoded, one token computed in f64.
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { tinyAdapter, tinyModel } from '../../../scripts/tiny-model.ts'
import { OpenChatError } from '../../errors.ts'
import { folderFiles } from '../folders.testing.ts'
import { createChatTemplate } from '../model/chat-template.ts'
import { modelConfig } from '../model/config.ts'
import { memoryShape, planOf } from '../model/memory-plan.ts'
import { createTokenizer } from '../model/tokenizer.ts'
import { loadReference, type ReferenceModel, referenceLogits } from '../reference/forward.ts'
import type { ByteSource } from '../types.ts'
import { ggufBase, mutateGguf, type Random, randomOf } from './fuzz-gguf.testing.ts'
import { mutateJson, mutateSafetensors, mutateText } from './fuzz-safetensors.testing.ts'
import { readGguf } from './gguf.ts'
import { ggufHeader, keyBytes } from './gguf-header.ts'
import { splitGguf } from './gguf-writer.testing.ts'
import { modelSource } from './model-source.ts'
import { readPeft } from './peft.ts'
import { readSafetensors, safetensorFloats, writeSafetensors } from './safetensors.ts'
import { readSafetensorsHeader } from './safetensors-header.ts'
import type { NamedSource } from './split-gguf.ts'

export interface FuzzReport {
  what: string
  mutants: number
  /** Whose header was accepted; and of these, that ran to the end. */
  pastHeader: number
  whole: number
  /** How often each code refused. */
  codes: Record<string, number>
  /** Anything but an OpenChatError: mutant number and what was thrown. */
  foreign: string[]
  /** The most that one mutant had read at once, and in all, over its size. */
  mostRead: number
  mostReadInAll: number
  /** What was alive at once (heap and buffers, beyond what was before) over the file's size: the most, and of how many. */
  mostMemory: number
  measured: number
}

/** Bytes read, at most at once and in all; strict, so that a read past the end is a fault of the reader. */
function counting(bytes: Uint8Array): ByteSource & { most: number; all: number; onRead: () => Promise<void> } {
  const source = {
    bytes: bytes.length,
    most: 0,
    all: 0,
    onRead: async () => {},
    async read(offset: number, length: number) {
      await source.onRead()
      if (!(offset >= 0 && length >= 0 && offset + length <= bytes.length))
        throw new RangeError(`read ${offset} + ${length} of ${bytes.length}`)
      source.most = Math.max(source.most, length)
      source.all += length
      return bytes.slice(offset, offset + length)
    },
  }
  return source
}

export interface Subject {
  what: string
  /** One mutant: its bytes, and what reads them. */
  make(random: Random): { files: Uint8Array[]; read(sources: ReturnType<typeof counting>[], past: () => void): Promise<unknown> }
}

/** Header, sizes, plan, tokenizer, template, and every tensor held as it is stored. */
async function throughHeader(source: ByteSource, past: () => void): Promise<ReferenceModel> {
  const gguf = await readGguf(source)
  past()
  modelConfig(gguf)
  planOf(memoryShape(gguf), 512)
  const tokenizer = createTokenizer(gguf)
  createChatTemplate(gguf, tokenizer).encode([{ role: 'user', content: 'the state of 1 union' }])
  return loadReference(gguf, source)
}

async function throughModel(source: ByteSource, past: () => void): Promise<unknown> {
  const model = await throughHeader(source, past)
  return [referenceLogits(model, [Math.min(7, model.config.vocab - 1)]), model]
}

const tinyShape = modelConfig(await readGguf(counting(tinyModel())))

export async function subjects(): Promise<Subject[]> {
  const gguf = await ggufBase(tinyModel({ type: 'Q4_0' }))
  const parts = await splitGguf(tinyModel({ type: 'Q4_0' }), 2, 'tiny')
  const adapter = tinyAdapter({
    rank: 2,
    modules: ['q_proj', 'v_proj', 'down_proj'],
    config: { rank_pattern: { v_proj: 2 }, alpha_pattern: {} },
  })
  const folder: { name: string; bytes: Uint8Array }[] = await Promise.all(
    // Copies: slices of a Buffer share its memory, and a mutant must not damage the original.
    folderFiles('llama-linear-tied-bf16').map(async ({ name, source }) => ({
      name,
      bytes: new Uint8Array(await source.read(0, source.bytes)),
    })),
  )
  return [
    {
      what: 'GGUF',
      make: (random) => ({ files: [mutateGguf(gguf, random)], read: ([source], past) => throughModel(source, past) }),
    },
    {
      what: 'safetensors',
      make(random) {
        const file = mutateSafetensors(adapter.weights, random)
        return {
          files: [file],
          async read([source], past) {
            await readSafetensorsHeader(source)
            past()
            return [readSafetensors(file), readPeft({ ...adapter, weights: file }, tinyShape)]
          },
        }
      },
    },
    {
      what: 'PEFT config',
      make(random) {
        const json = JSON.parse(adapter.config) as Record<string, unknown>
        for (let times = 1 + random(2); times > 0; times--) mutateJson(json, random)
        const config = random(12) === 0 ? mutateText(adapter.config, random) : JSON.stringify(json)
        return {
          files: [adapter.weights],
          async read(_, past) {
            past()
            return readPeft({ config, weights: adapter.weights }, tinyShape)
          },
        }
      },
    },
    {
      what: 'folder',
      make(random) {
        const files = folder.map((file) => ({ ...file }))
        const chosen = files[random(files.length)]
        chosen.bytes = chosen.name.endsWith('.safetensors')
          ? mutateSafetensors(chosen.bytes, random)
          : new TextEncoder().encode(mutatedText(chosen.name, new TextDecoder().decode(chosen.bytes), random))
        if (random(20) === 0) files.splice(random(files.length), 1)
        return { files: files.map(({ bytes }) => bytes), read: (sources, past) => throughFiles(files, sources, past) }
      },
    },
    {
      what: 'split GGUF',
      make(random) {
        const files = parts.map((file) => ({ ...file, bytes: file.bytes.slice() }))
        const chosen = files[random(2)]
        for (let times = 1 + random(3); times > 0; times--) chosen.bytes[random(4000)] = random(256)
        if (random(10) === 0) files[random(2)].bytes = files[random(2)].bytes
        return { files: files.map(({ bytes }) => bytes), read: (sources, past) => throughFiles(files, sources, past) }
      },
    },
  ]
}

/** As the first two, of some MB: what a reader takes beside the file's own bytes (vocabulary, tables, code) is small against it. */
export async function largeSubjects(): Promise<Subject[]> {
  const gguf = await ggufBase(await manyLayers(tinyModel({ type: 'F32' }), 40))
  const values = new Uint8Array(1 << 16)
  const tensors = Array.from({ length: 64 }, (_, i) => ({ name: `layers.${i}.weight`, dtype: 'F32', shape: [128, 128], bytes: values }))
  const file = writeSafetensors(tensors)
  return [
    {
      what: 'GGUF of 5 MB',
      make: (random) => ({ files: [mutateGguf(gguf, random)], read: ([source], past) => throughHeader(source, past) }),
    },
    {
      what: 'safetensors of 4 MB',
      make: (random) => ({
        files: [mutateSafetensors(file, random)],
        async read([source], past) {
          const { tensors: read } = readSafetensors(await source.read(0, source.bytes))
          past()
          // One at a time, as they go to the device.
          for (const tensor of read.values()) safetensorFloats(tensor)
          return read
        },
      }),
    },
  ]
}

/** The model with its first layer repeated. */
async function manyLayers(file: Uint8Array, layers: number): Promise<Uint8Array> {
  const keys: Uint8Array[] = []
  const { tensors } = await readGguf(counting(file), (key, from, to) => {
    if (key !== 'llama.block_count') keys.push(file.slice(from, to))
  })
  keys.push(keyBytes('llama.block_count', { u32: layers }))
  const all = [...tensors.values()].filter(({ name }) => !name.startsWith('blk.'))
  const layer = [...tensors.values()].filter(({ name }) => name.startsWith('blk.0.'))
  for (let i = 0; i < layers; i++) all.push(...layer.map((tensor) => ({ ...tensor, name: tensor.name.replace('blk.0.', `blk.${i}.`) })))
  const { bytes, padding } = ggufHeader(keys, all)
  const data = all.flatMap(({ offset, bytes: length }, i) => [file.subarray(offset, offset + length), new Uint8Array(padding[i])])
  return new Uint8Array(Buffer.concat([bytes, ...data]))
}

async function throughFiles(files: { name: string }[], sources: ByteSource[], past: () => void): Promise<unknown> {
  const named: NamedSource[] = files.map(({ name }, i) => ({ name, source: sources[i] }))
  return throughModel(await modelSource(named, 'fuzzed'), past)
}

function mutatedText(name: string, text: string, random: Random): string {
  if (random(10) === 0 || !name.endsWith('.json')) return mutateText(text, random)
  const json = JSON.parse(text) as Record<string, unknown>
  for (let times = 1 + random(3); times > 0; times--) mutateJson(json, random)
  return JSON.stringify(json)
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** Bytes of heap and of buffers outside it that something still holds. Buffers are let go while the program runs on, hence twice. */
async function alive(): Promise<number> {
  collect()
  await new Promise((done) => setTimeout(done, 2))
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** @param measuring whether memory is looked at, around every mutant */
export async function fuzz(subject: Subject, mutants: number, seed: number, measuring = false): Promise<FuzzReport> {
  const random = randomOf(seed)
  const report: FuzzReport = {
    what: subject.what,
    mutants,
    pastHeader: 0,
    whole: 0,
    codes: {},
    foreign: [],
    mostRead: 0,
    mostReadInAll: 0,
    mostMemory: 0,
    measured: 0,
  }
  for (let i = 0; i < mutants; i++) {
    const { files, read } = subject.make(random)
    const bytes = files.reduce((sum, file) => sum + file.length, 0)
    const sources = files.map(counting)
    const measured = measuring && bytes > 1 << 20
    let most = 0
    const before = measured ? await alive() : 0
    const look = async () => {
      most = Math.max(most, (await alive()) - before)
    }
    let reads = 0
    for (const source of measured ? sources : []) source.onRead = async () => (reads++ % 32 === 31 ? look() : undefined)
    const kept = await attempt(report, i, () =>
      read(sources, () => {
        report.pastHeader++
      }),
    )
    if (measured) {
      await look()
      report.mostMemory = Math.max(report.mostMemory, most / bytes)
      report.measured++
    }
    // After the last look, so that what was read is alive while it is looked at.
    if (kept !== null) report.whole++
    for (const { most: atOnce, all, bytes: size } of sources) {
      report.mostRead = Math.max(report.mostRead, atOnce / Math.max(1, size))
      report.mostReadInAll = Math.max(report.mostReadInAll, all / Math.max(1, size))
    }
  }
  return report
}

async function attempt(report: FuzzReport, mutant: number, run: () => Promise<unknown>): Promise<unknown> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof OpenChatError) report.codes[error.code] = (report.codes[error.code] ?? 0) + 1
    else report.foreign.push(`${mutant}: ${error instanceof Error ? error.stack?.split('\n').slice(0, 4).join(' | ') : String(error)}`)
    return null
  }
}
