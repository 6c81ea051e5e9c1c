// The public face of src/gpu: a model file and a device become an Engine that answers. The types are in types.ts.
// Not a downloader (it takes a ByteSource) and not a chat: messages in, tokens out.
// Invariants: dispose returns every byte to the device; a failing adapter leaves the others as they were; equal prompts under
// equal adapters reuse the cache by content.
import { OpenChatError } from '../errors.ts'
import { Arena, deviceBuffers } from './arena.ts'
import { type BootMemory, type BootReport, boot } from './boot.ts'
import { AdapterTrial } from './boot-adapters.ts'
import { complete } from './completion.ts'
import type { Device } from './device.ts'
import { readGguf } from './formats/gguf.ts'
import { readPeft } from './formats/peft.ts'
import { type GrammarLibrary, Grammars } from './grammar.ts'
import { Programs } from './kernels/kernel.ts'
import type { KvPrecision } from './kernels/kv/precision.ts'
import type { PrefillVariant } from './kernels/projection.ts'
import { AdapterPool, poolDefaults } from './lora/adapter-pool.ts'
import { AdapterShelf } from './lora/adapter-shelf.ts'
import { withGains } from './lora/dora.ts'
import { packAdapter } from './lora/packed-adapter.ts'
import { type ChatTemplate, createChatTemplate } from './model/chat-template.ts'
import { Chooser } from './model/chooser.ts'
import { type ModelConfig, modelConfig } from './model/config.ts'
import { type ContextRange, madeLongest } from './model/context-length.ts'
import { Forward, type WantedVariants } from './model/forward.ts'
import { KvCache } from './model/kv-cache.ts'
import { type MemoryShape, memoryShape, planOf, workBytes } from './model/memory-plan.ts'
import { PipelineMaker } from './model/pipelines.ts'
import { Runner } from './model/runner.ts'
import { makeScratch, type Scratch } from './model/scratch.ts'
import { surprise } from './model/surprise.ts'
import { createTokenizer } from './model/tokenizer.ts'
import { beginWeights } from './model/weights.ts'
import { probeMemory } from './probe-memory.ts'
import { Recorder } from './recorder.ts'
import { replay } from './replay.ts'
import { EngineSession } from './session.ts'
import { Workers } from './turns.ts'
import type { AdapterFiles, ByteSource, CompletionRequest, Engine } from './types.ts'

export interface EngineOptions {
  device: Device
  /** A GGUF file; several files are made one by formats/model-source.ts. */
  source: ByteSource
  /** At most the model's own; default the smaller of that and 8192. */
  contextTokens?: number
  /**
   * Makes `contextTokens` the most that is wanted: the longest context down to `least` is taken that a probe of `gpu`, or a budget
   * of bytes, grants, and its keys and values have their memory at once. Absent, memory grows as sequences do.
   */
  fit?: { least: number; gpu: GPU; adapterBytes?: number; budgetBytes?: number }
  /** Of a model whose file lacks the key: see `ConfigOptions`. */
  slidingWindow?: number
  /** Digest of the file (sha256, hex), when it is known: adapters that name their base are held to it. */
  sha256?: string
  /**
   * Of keys and values; f32 when absent. f16 halves their bytes and offers prefill a block whose numbers are halves; it costs about
   * 1e-2 in a logit, more than a replay forgives.
   */
  precision?: KvPrecision
  /** Who computes a projection's tile in decode; absent, both are timed on the loaded weights. For tests of the slower one. */
  decodeVariant?: 'lanes' | 'thread-1'
  /**
   * The same where many rows are fed; with a decode variant and without this one nothing is timed, and it is `thread-8` where single
   * threads decode, else `thread-4`.
   */
  prefillVariant?: PrefillVariant
  /** Holds the kernels against the CPU before they are first used, and gives wrong ones up: boot.ts, boot-adapters.ts. Absent, nothing is tested. */
  selfTest?: { memory: BootMemory | null }
  /** What of the registered adapters may stay: faces at a time, bytes on the device, bytes of packed weights on the host. */
  adapterLimits?: { slots?: number; deviceBytes?: number; hostBytes?: number }
  /** Brings a fresh instance of `@mlc-ai/web-xgrammar`; absent, a request for a format is `grammar_unavailable`. */
  grammar?: () => Promise<GrammarLibrary>
  signal?: AbortSignal
  /** Bytes of tensors on the device, of all. */
  onProgress?: (done: number, total: number) => void
}

const defaultContext = 8192

/**
 * @example const engine = await loadEngine({ device: await openDevice(browserGpu()), source })
 * @throws gguf_invalid, file_truncated, architecture_unsupported, tensor_type_unsupported, gpu_out_of_memory, kernel_invalid,
 * device_lost, cancelled, gpu_miscomputes
 */
export async function loadEngine(options: EngineOptions): Promise<Engine> {
  const { device, source, sha256, precision = 'f32' } = options
  const gguf = await readGguf(source)
  const config = modelConfig(gguf, options)
  requireShape(config)
  const tokenizer = createTokenizer(gguf)
  let template: ChatTemplate | undefined
  const chatTemplate = () => (template ??= createChatTemplate(gguf, tokenizer))
  const shape = memoryShape(gguf, precision)
  const context = await contextOf(config, shape, options)

  const arena = new Arena(deviceBuffers(device.gpu))
  const recorder = new Recorder(device, arena)
  const programs = new Programs(device.gpu)
  const roomOf = async (tokens: number): Promise<ContextRoom> => {
    const made = await makeScratch(device.gpu, arena, config, tokens, weights.ropeDivisors)
    const { layers, kvHeads, headDim } = config
    const kv = new KvCache(arena, recorder, { layers, width: kvHeads * headDim, contextTokens: tokens, precision })
    const room = { contextTokens: tokens, scratch: made, cache: kv }
    if (options.fit === undefined) return room
    try {
      await kv.fill()
      ;(await arena.allocate(workBytes, GPUBufferUsage.COPY_DST, 'work', { exact: true })).release()
      return room
    } catch (error) {
      releaseRoom(room)
      throw error
    }
  }
  const weights = await device.guard(() => beginWeights(device.gpu, arena, gguf, config, source, options))
  const { contextTokens, scratch, cache } = await madeLongest(context, (tokens) => roomOf(tokens), releaseRoom).catch((error: unknown) => {
    weights.release()
    throw error
  })
  const { slots = poolDefaults.slots, deviceBytes = poolDefaults.bytes, hostBytes } = options.adapterLimits ?? {}
  const pool = new AdapterPool(arena, recorder, config, { slots, bytes: deviceBytes })
  const forward = new Forward({ device, recorder, programs, config, weights, scratch, cache, adapters: pool })
  const parallel = () => forward.decodeVariant === 'lanes'
  const reading = { arena, recorder, programs, scratch, vocab: config.vocab, parallel }
  const chooser = new Chooser(reading)
  const judging = { ...reading, parallel: () => parallel() && chooser.drawer === 'device' }
  const runner = new Runner({
    device,
    recorder,
    forward,
    cache,
    chooser,
    vocab: config.vocab,
    contextTokens,
    slotOf: (key) => pool.slotOf(key),
  })
  const test = { forward, chooser, reading, recorder, cache, scratch, weights, gguf, source, config }
  const trial = options.selfTest ? new AdapterTrial({ test, arena, programs, device, runner, memory: options.selfTest.memory }) : null
  const adapters = new AdapterShelf({
    pool,
    pack: async (files) => {
      const packed = packAdapter(config, await contentDigest(files), await withGains(readPeft(files, config, sha256), gguf, config, source))
      await trial?.admit(packed, pool)
      return packed
    },
    exclusive: (work) => runner.turns.take(() => device.guard(work)),
    ...(hostBytes === undefined ? {} : { hostBytes }),
  })
  const grammars = new Grammars({ tokenizer, vocab: config.vocab, eosIds: config.eosIds, load: options.grammar })
  let booted: BootReport | null = null
  let disposed = false
  const workers = new Workers()
  const ended = () => disposed || device.lost
  const sparing = device.isFallbackAdapter
  const pipelines = new PipelineMaker({ programs, forward, chooser, reading: judging, workers, sparing, ended })
  const dispose = () => {
    if (disposed) return
    disposed = true
    runner.close()
    runner.end(() => {
      cache.dispose()
      pool.dispose()
      chooser.dispose()
      scratch.release()
      weights.release()
      arena.trim()
    })
  }
  try {
    await runner.turns.take(async () => {
      const wanted: WantedVariants = { decode: options.decodeVariant, prefill: options.prefillVariant }
      if (options.selfTest) booted = await boot(test, device, options.selfTest.memory, wanted)
      else await forward.warm(wanted)
      await chooser.warm()
      // Where a processor plays the GPU, taking a half apart costs no less than the load it saves.
      if (!parallel()) pool.precision = 'f32'
      // Readbacks of the probes.
      arena.trim()
    })
    await device.guard(() => weights.finish())
  } catch (error) {
    dispose()
    throw error
  }

  return {
    vocab: config.vocab,
    contextTokens,
    trainedTokens: config.contextTokens,
    encode: (text, encodeOptions) => tokenizer.encode(text, encodeOptions),
    decode: (tokens) => tokenizer.decode(tokens),
    promptTokens: (messages, begin) => chatTemplate().encode(messages, begin),
    session: (adapter = null) => new EngineSession({ runner, cache, adapters }, adapter),
    step: (rows) =>
      workers.during(async () =>
        runner.stepRows(
          await Promise.all(
            rows.map(async ({ session, token }) => {
              if (session instanceof EngineSession) return { sequence: await session.sequence(), token }
              throw new OpenChatError('step_invalid', 'A row of this step belongs to a session of another engine.')
            }),
          ),
        ),
      ),
    complete: (request: CompletionRequest) =>
      workers.through(
        complete(
          {
            ...{ runner, cache, tokenizer, contextTokens, eosIds: config.eosIds },
            template: chatTemplate,
            dispatches: () => recorder.counts.dispatches,
            constraint: (format) => grammars.constraint(format),
            hold: (adapter) => adapters.hold(adapter),
          },
          request,
        ),
      ),
    async score(tokens, scoreOptions = {}) {
      const hold = await adapters.hold(scoreOptions.adapter)
      return workers.during(() => surprise(runner, cache, hold.key, tokens, scoreOptions)).finally(() => hold.release())
    },
    async replay(said, replayOptions = {}) {
      const hold = await adapters.hold(replayOptions.adapter)
      const judged = () => replay({ runner, cache, reading: judging }, hold.key, said, replayOptions)
      const found = await workers.during(judged).finally(() => hold.release())
      const spoken = said.drawn.filter((id) => !config.eosIds.includes(id))
      return { ...found, promptText: tokenizer.decode(said.prompt), text: tokenizer.decode(spoken) }
    },
    addAdapter: (name, files) => adapters.add(name, files),
    registerAdapter: (name, load) => adapters.register(name, load),
    async preloadAdapter(name) {
      const hold = await adapters.hold(name)
      hold.release()
    },
    adapterGroups: (name) => adapters.groups(name),
    dropAdapterGroups: (name, groups) => adapters.drop(name, groups),
    removeAdapter: (name) => adapters.remove(name),
    makePipelines: () => pipelines.make(),
    stats: () => ({
      adapterName: device.adapterName,
      isFallbackAdapter: device.isFallbackAdapter,
      weightBytes: weights.bytes,
      kvBytes: cache.bytes,
      adapterBytes: pool.bytes,
      adapterPrecision: pool.precision,
      adapters: adapters.stats,
      poolBytes: arena.liveBytes + arena.pooledBytes,
      plan: planOf(shape, contextTokens, options.fit?.adapterBytes),
      pipelines: programs.count,
      dispatchesPerDecode: runner.dispatchesPerDecode,
      boot: booted,
      bootAdapters: trial?.reports ?? [],
      readbacks: recorder.counts.readbacks,
      bytesRead: recorder.counts.bytesRead,
      stepsAhead: runner.stepsAhead,
    }),
    dispose,
  }
}

interface ContextRoom {
  contextTokens: number
  scratch: Scratch
  cache: KvCache
}

function releaseRoom({ scratch, cache }: ContextRoom): void {
  cache.dispose()
  scratch.release()
}

/** The lengths to try; where they are to fit, the most is what a probe grants. @throws gpu_out_of_memory, before a weight is read */
async function contextOf(config: ModelConfig, shape: MemoryShape, { contextTokens, fit }: EngineOptions): Promise<ContextRange> {
  const most = Math.min(contextTokens ?? defaultContext, config.contextTokens)
  if (fit === undefined) return { least: most, most }
  const least = Math.min(fit.least, most)
  const found = await probeMemory(fit.gpu, { ...fit, shape, context: { least, most } })
  const { plan } = found
  if (found.verdict === 'fits' || found.verdict === 'tight') return { least, most: plan.contextTokens }
  const [bytes, what] =
    found.verdict === 'buffer_too_large'
      ? [found.wantedBytes, `one buffer of this model; it allows ${found.allowedBytes}`]
      : [plan.total, 'this model']
  throw new OpenChatError('gpu_out_of_memory', `The GPU has no room for the ${bytes} bytes of ${what}.`, {
    meta: { bytes, label: 'model', contextTokens: plan.contextTokens },
    action: 'Close other tabs that use the GPU, or choose a smaller model.',
  })
}

/** What the kernels assume. @throws architecture_unsupported */
function requireShape({ headDim, ropeDimensions }: ModelConfig): void {
  if (headDim % 4 === 0 && headDim <= 256 && ropeDimensions === headDim) return
  throw new OpenChatError(
    'architecture_unsupported',
    `A head of ${headDim} dimensions with RoPE over ${ropeDimensions} is not computed here; it must be a multiple of 4, at most 256, and turn whole.`,
    { meta: { headDim, ropeDimensions }, action: 'Choose another model.' },
  )
}

/** Of both files, each hashed once and neither copied. */
async function contentDigest({ config, weights, sha256 }: AdapterFiles): Promise<string> {
  const own = sha256 ?? (await digestHex(weights))
  return digestHex(new TextEncoder().encode(`${own} ${config}`))
}

async function digestHex(bytes: Uint8Array): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
