// The public face of src/gpu: a model file and a device become an Engine that answers. The types are in types.ts.
// Not a downloader (it takes a ByteSource) and not a chat: messages in, tokens out.
// Invariants: dispose returns every byte to the device; a failing adapter leaves the others as they were; equal prompts under
// equal adapters reuse the cache by content.
import { OpenChatError } from '../errors.ts'
import { Arena, deviceBuffers } from './arena.ts'
import { type BootMemory, type BootReport, boot } from './boot.ts'
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
import { Forward, type WantedVariants } from './model/forward.ts'
import { KvCache } from './model/kv-cache.ts'
import { Runner } from './model/runner.ts'
import { makeScratch } from './model/scratch.ts'
import { surprise } from './model/surprise.ts'
import { createTokenizer } from './model/tokenizer.ts'
import { loadWeights } from './model/weights.ts'
import { Recorder } from './recorder.ts'
import { replay } from './replay.ts'
import { EngineSession } from './session.ts'
import type { AdapterFiles, ByteSource, CompletionRequest, Engine } from './types.ts'

export interface EngineOptions {
  device: Device
  /** A GGUF file; several files are made one by formats/model-source.ts. */
  source: ByteSource
  /** At most the model's own; default the smaller of that and 8192. */
  contextTokens?: number
  /** Of a model whose file lacks the key: see `ConfigOptions`. */
  slidingWindow?: number
  /** Digest of the file (sha256, hex), when it is known: adapters that name their base are held to it. */
  sha256?: string
  /** Of keys and values; f32 when absent. f16 halves their bytes and costs about 1e-2 in a logit. */
  precision?: KvPrecision
  /** Who computes a projection's tile in decode; absent, both are timed on the loaded weights. For tests of the slower one. */
  decodeVariant?: 'lanes' | 'thread-1'
  /** The same where many rows are fed; with a decode variant and without this one nothing is timed, and it is `thread-4`. */
  prefillVariant?: PrefillVariant
  /** Holds the kernels against the CPU before the first answer, and gives wrong ones up: boot.ts. Absent, nothing is tested. */
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
  const contextTokens = Math.min(options.contextTokens ?? defaultContext, config.contextTokens)

  const arena = new Arena(deviceBuffers(device.gpu))
  const recorder = new Recorder(device, arena)
  const programs = new Programs(device.gpu)
  const weights = await device.guard(() => loadWeights(device.gpu, arena, gguf, config, source, options))
  const scratch = await makeScratch(device.gpu, arena, config, contextTokens, weights.ropeDivisors).catch((error: unknown) => {
    weights.release()
    throw error
  })
  const { slots = poolDefaults.slots, deviceBytes = poolDefaults.bytes, hostBytes } = options.adapterLimits ?? {}
  const pool = new AdapterPool(arena, recorder, config, { slots, bytes: deviceBytes })
  const cache = new KvCache(arena, recorder, { layers: config.layers, width: config.kvHeads * config.headDim, contextTokens, precision })
  const forward = new Forward({ device, recorder, programs, config, weights, scratch, cache, adapters: pool })
  const parallel = () => forward.decodeVariant === 'lanes'
  const reading = { arena, recorder, programs, scratch, vocab: config.vocab, parallel }
  const chooser = new Chooser(reading)
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
  const adapters = new AdapterShelf({
    pool,
    pack: async (files) =>
      packAdapter(config, await contentDigest(files), await withGains(readPeft(files, config, sha256), gguf, config, source)),
    exclusive: (work) => runner.turns.take(() => device.guard(work)),
    ...(hostBytes === undefined ? {} : { hostBytes }),
  })
  const grammars = new Grammars({ tokenizer, vocab: config.vocab, eosIds: config.eosIds, load: options.grammar })
  let booted: BootReport | null = null
  let disposed = false
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
      const test = { forward, chooser, recorder, cache, scratch, weights, gguf, source, config }
      if (options.selfTest) booted = await boot(test, device, options.selfTest.memory, wanted)
      else await forward.warm(wanted)
      await chooser.warm()
      // Readbacks of the probes.
      arena.trim()
    })
  } catch (error) {
    dispose()
    throw error
  }

  return {
    vocab: config.vocab,
    contextTokens,
    encode: (text, encodeOptions) => tokenizer.encode(text, encodeOptions),
    decode: (tokens) => tokenizer.decode(tokens),
    promptTokens: (messages, begin) => chatTemplate().encode(messages, begin),
    session: (adapter = null) => new EngineSession({ runner, cache, adapters }, adapter),
    async step(rows) {
      return runner.stepRows(
        await Promise.all(
          rows.map(async ({ session, token }) => {
            if (session instanceof EngineSession) return { sequence: await session.sequence(), token }
            throw new OpenChatError('step_invalid', 'A row of this step belongs to a session of another engine.')
          }),
        ),
      )
    },
    complete: (request: CompletionRequest) =>
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
    async score(tokens, scoreOptions = {}) {
      const hold = await adapters.hold(scoreOptions.adapter)
      try {
        return await surprise(runner, cache, hold.key, tokens, scoreOptions)
      } finally {
        hold.release()
      }
    },
    async replay(said, replayOptions = {}) {
      const hold = await adapters.hold(replayOptions.adapter)
      const found = await replay({ runner, cache, reading }, hold.key, said, replayOptions).finally(() => hold.release())
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
    stats: () => ({
      adapterName: device.adapterName,
      isFallbackAdapter: device.isFallbackAdapter,
      weightBytes: weights.bytes,
      kvBytes: cache.bytes,
      adapterBytes: pool.bytes,
      adapters: adapters.stats,
      poolBytes: arena.liveBytes + arena.pooledBytes,
      pipelines: programs.count,
      dispatchesPerDecode: runner.dispatchesPerDecode,
      boot: booted,
      readbacks: recorder.counts.readbacks,
      bytesRead: recorder.counts.bytesRead,
      stepsAhead: runner.stepsAhead,
    }),
    dispose,
  }
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

async function contentDigest({ config, weights }: AdapterFiles): Promise<string> {
  const text = new TextEncoder().encode(config)
  const all = new Uint8Array(4 + text.length + weights.length)
  new DataView(all.buffer).setUint32(0, text.length)
  all.set(text, 4)
  all.set(weights, 4 + text.length)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', all))
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
