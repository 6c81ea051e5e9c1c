// What the gpu worker does, apart from being a worker: brings models and adapters here, loads them, serves completions, and
// takes a lost device up again. It runs in Node too, with Dawn. No page, chain or index here.
// Invariants: one model is on the device at a time; at most four completions run, and src/gpu joins their steps; after a loss
// nothing is answered from the old device, and `recover` opens one new device however many callers ask for it.
import type { ReplayAsk, ReplayFindings } from '../attribution/types.ts'
import type { ChatEvent, ChatMessage, ChatRequest } from '../chat/ports.ts'
import { Seats } from '../engines/seats.ts'
import { asOpenChatError, OpenChatError } from '../errors.ts'
import type { BootMemory } from '../gpu/boot.ts'
import { type Device, openDevice } from '../gpu/device.ts'
import { loadEngine } from '../gpu/engine.ts'
import type { GrammarLibrary } from '../gpu/grammar.ts'
import type { AdapterFiles, Engine } from '../gpu/types.ts'
import type { BlobStore } from '../storage/blobs.ts'
import { digestOf } from '../storage/digest.ts'
import { download } from '../storage/download.ts'
import type { ModelBytes } from './arriving-source.ts'
import { chatOfEngine, type Drafts } from './chat-of-engine.ts'
import { LEAST_CONTEXT, mostContext } from './context-bounds.ts'
import { type DraftSource, vocabularyMark } from './draft-source.ts'
import type { AdapterFile, EngineMemory, GpuFacts, GpuWorker, LoadedEngine, LoadProgress, ModelFile } from './gpu-api.ts'
import { type Bringing, bringModel, comingModel, keptModel } from './model-bytes.ts'
import { replayOnEngine } from './replay-on-engine.ts'
import { wrap } from './rpc.ts'

/** src/gpu joins so many rows without another pass; more would slow each. */
const CHATS = 4
/** Adapters brought to the device with the model; more are only registered. */
const AHEAD = 16
/** Faults of an adapter itself, or of its match with the model. */
const UNFIT = ['adapter_unsupported', 'adapter_mismatch', 'adapter_invalid', 'adapter_pool_full', 'safetensors_invalid', 'file_truncated']
/** None of theirs: this GPU serves no adapter. Said once. */
const UNSERVED = 'gpu_miscomputes_adapters'

type Progress = (event: LoadProgress) => void
const quiet: Progress = () => {}

interface Loaded {
  engine: Engine
  device: Device
  model: ModelFile
  wantedTokens: number
  /** As draft-source.ts marks it. */
  vocabulary: string
  /** Digests. */
  adapters: Set<string>
  /** Adapters that this model cannot take: digest and why. */
  refused: Map<string, string>
}

export class GpuDesk implements GpuWorker {
  #gpu: () => GPU
  #blobs: Promise<BlobStore>
  #memory: BootMemory | null
  #grammar: (() => Promise<GrammarLibrary>) | undefined
  #loaded: Loaded | null = null
  /** What `recover` loads. */
  #wanted: { model: ModelFile; adapters: AdapterFile[] } | null = null
  /** At most; less after memory ran out in the middle of an answer. */
  #contextTokens = Number.POSITIVE_INFINITY
  #recovering: Promise<LoadedEngine> | null = null
  /** What a load that was cut short still does on its device: the next one waits for it, as both have no room beside each other. */
  #ending: Promise<void> = Promise.resolve()
  #seats = new Seats(CHATS)
  #drafts: DraftSource | null = null

  /**
   * @param memory keeps what the self-test found between visits; null: it is asked anew at every load
   * @param grammar brings what holds answers to a format, when one first asks for it
   */
  constructor(gpu: () => GPU, blobs: Promise<BlobStore>, memory: BootMemory | null = null, grammar?: () => Promise<GrammarLibrary>) {
    this.#gpu = gpu
    this.#blobs = blobs
    this.#memory = memory
    this.#grammar = grammar
  }

  async probe(): Promise<GpuFacts> {
    const device = await openDevice(this.#gpu())
    const facts = factsOf(device)
    device.destroy()
    return facts
  }

  async kept(model: ModelFile): Promise<{ complete: boolean; receivedBytes: number }> {
    const store = await this.#blobs
    const { complete, bytes } = await store.kept(model.sha256)
    return { complete, receivedBytes: bytes }
  }

  async fetch(model: ModelFile, progress: Progress, signal: AbortSignal): Promise<void> {
    await bringModel(model, await this.#bringing(progress, signal))
  }

  async load(model: ModelFile, adapters: AdapterFile[], progress: Progress, signal: AbortSignal): Promise<LoadedEngine> {
    const bringing = await this.#bringing(progress, signal)
    // A model that answers keeps the device until the next is here; where there is none, the next is loaded while it comes.
    const source = await (this.#loaded === null ? comingModel(model, bringing) : keptModel(model, bringing))
    if (this.#wanted?.model.sha256 !== model.sha256) this.#contextTokens = Number.POSITIVE_INFINITY
    this.#wanted = { model, adapters }
    if (this.#loaded?.model.sha256 !== model.sha256) await this.#openOrMend(model, adapters, source, bringing)
    await this.#fit(adapters, signal)
    // Not waited for: what it finds missing an answer makes itself.
    void this.#current().engine.makePipelines()
    return this.#state()
  }

  recover(signal: AbortSignal): Promise<LoadedEngine> {
    this.#recovering ??= this.#again(signal).finally(() => {
      this.#recovering = null
    })
    return this.#recovering
  }

  async unload(): Promise<void> {
    this.#wanted = null
    this.#drop()
  }

  async memory(): Promise<EngineMemory | null> {
    if (this.#loaded === null) return null
    const { plan, poolBytes } = this.#loaded.engine.stats()
    return { planned: plan, allocated: poolBytes }
  }

  async count(messages: ChatMessage[], begin: string): Promise<number> {
    return this.#current().engine.promptTokens(messages, begin).length
  }

  async *chat(request: ChatRequest, signal: AbortSignal): AsyncGenerator<ChatEvent> {
    const leave = await this.#seats.take()
    const current = this.#current()
    try {
      yield* chatOfEngine(current.engine, request, signal, this.#draftsFor(current))
    } catch (error) {
      this.#broken(current, error)
      throw error
    } finally {
      leave()
    }
  }

  async draftFrom(port: MessagePort): Promise<void> {
    this.#drafts = wrap<DraftSource>(port).api
  }

  async replay(ask: ReplayAsk): Promise<ReplayFindings> {
    const leave = await this.#seats.take()
    const current = this.#current()
    try {
      return await replayOnEngine(current.engine, { model: current.model.sha256, adapters: current.adapters }, ask)
    } catch (error) {
      this.#broken(current, error)
      throw error
    } finally {
      leave()
    }
  }

  #current(): Loaded {
    if (this.#loaded !== null) return this.#loaded
    throw new OpenChatError('engine_not_ready', 'No model is loaded yet.', { action: 'Wait until the model is ready.' })
  }

  #draftsFor({ vocabulary }: Loaded): Drafts | null {
    return this.#drafts === null ? null : { source: this.#drafts, vocabulary }
  }

  /** A device that failed is let go at once, so that `recover` finds nothing whole. */
  #broken(current: Loaded, error: unknown): void {
    const { code } = asOpenChatError(error)
    if (code !== 'device_lost' && code !== 'gpu_out_of_memory') return
    if (this.#loaded !== current) return
    if (code === 'gpu_out_of_memory') this.#contextTokens = Math.max(LEAST_CONTEXT, current.engine.contextTokens / 2)
    this.#drop()
  }

  #drop(): void {
    const { engine, device } = this.#loaded ?? {}
    this.#loaded = null
    engine?.dispose()
    device?.destroy()
  }

  async #again(signal: AbortSignal): Promise<LoadedEngine> {
    const wanted = this.#wanted
    if (wanted === null) this.#current()
    // A device can be lost while nothing runs on it: then nothing has let it go yet.
    if (this.#loaded !== null && !this.#loaded.device.lost) return this.#state()
    this.#drop()
    return this.load(wanted!.model, wanted!.adapters, quiet, signal)
  }

  async #bringing(progress: Progress, signal: AbortSignal): Promise<Bringing> {
    return { blobs: await this.#blobs, progress, signal }
  }

  /**
   * A chunk that went wrong where it is kept is found while it is loaded: it is dropped, fetched again, and all begins anew. So it does
   * after the device was lost while the file still came, as it is when a machine sleeps meanwhile.
   */
  async #openOrMend(model: ModelFile, adapters: readonly AdapterFile[], source: ModelBytes, bringing: Bringing): Promise<void> {
    const whole = source.complete
    try {
      await this.#open(model, adapters, source, bringing)
    } catch (error) {
      const { code } = asOpenChatError(error)
      if (code !== 'chunk_mismatch' && (code !== 'device_lost' || whole)) {
        await source.stop()
        throw error
      }
      await source.whole
      if (code === 'chunk_mismatch') await bringing.blobs.verify(model.sha256, { signal: bringing.signal })
      await this.#open(model, adapters, await keptModel(model, bringing), bringing)
    }
  }

  async #open(
    model: ModelFile,
    adapters: readonly AdapterFile[],
    source: ModelBytes,
    { progress, signal }: Pick<Bringing, 'progress' | 'signal'>,
  ): Promise<void> {
    this.#drop()
    let [done, total] = [0, model.bytes]
    const tell = () => progress({ stage: 'loading', receivedBytes: done, totalBytes: total, bytesPerSecond: 0 })
    // While the file comes, its coming is what is waited for, and told of.
    if (!source.complete) source.whole.then(tell, () => undefined)
    await this.#ending
    const device = await openDevice(this.#gpu())
    const adapterBytes = adapters.slice(0, AHEAD).reduce((sum, { bytes }) => sum + bytes, 0)
    const loading = loadEngine({
      device,
      source,
      contextTokens: mostContext(device.isFallbackAdapter, this.#contextTokens),
      fit: { least: LEAST_CONTEXT, gpu: this.#gpu(), adapterBytes },
      sha256: model.sha256,
      ...(model.slidingWindow === undefined ? {} : { slidingWindow: model.slidingWindow }),
      selfTest: { memory: this.#memory },
      ...(this.#grammar === undefined ? {} : { grammar: this.#grammar }),
      signal,
      onProgress(written, ofAll) {
        ;[done, total] = [written, ofAll]
        if (source.complete) tell()
      },
    })
    try {
      // What ends the fetching ends the load at once, whatever it is busy with.
      const [engine] = await Promise.all([loading, source.whole])
      source.forget()
      const vocabulary = vocabularyMark((text) => engine.encode(text))
      const wantedTokens = mostContext(device.isFallbackAdapter, engine.trainedTokens)
      this.#loaded = { engine, device, model, wantedTokens, vocabulary, adapters: new Set(), refused: new Map() }
    } catch (error) {
      this.#ending = loading
        .then(
          (engine) => engine.dispose(),
          () => undefined,
        )
        .then(() => device.destroy())
      throw error
    }
  }

  /**
   * Registers and removes adapters until the known ones are these. The first few are brought to the device now, so that one that
   * does not fit is named at once; the others come when they are asked for, and make room for each other.
   */
  async #fit(adapters: AdapterFile[], signal: AbortSignal): Promise<void> {
    const { engine, adapters: here, refused } = this.#current()
    for (const digest of [...here]) {
      if (adapters.some((adapter) => adapter.digest === digest)) continue
      engine.removeAdapter(digest)
      here.delete(digest)
    }
    for (const adapter of adapters) {
      const { name, digest } = adapter
      if (here.has(digest) || refused.has(digest)) continue
      const later = here.size >= AHEAD
      if (!later) await this.#adapterBlobs(adapter, signal)
      engine.registerAdapter(digest, () => this.#adapterFiles(adapter))
      try {
        if (!later) await engine.preloadAdapter(digest)
        here.add(digest)
      } catch (error) {
        engine.removeAdapter(digest)
        // An adapter of the visitor's that does not fit must not cost the model; anything else is no fault of the adapter.
        const { code, shortMessage } = asOpenChatError(error)
        if (code !== UNSERVED && !UNFIT.includes(code)) throw error
        refused.set(digest, code === UNSERVED ? shortMessage : `${name}: ${shortMessage}`)
      }
    }
  }

  /** Weights and config in the blob store, downloaded where they are missing. The weights are hashed by whoever reads them. */
  async #adapterBlobs({ weights, config, digest, bytes }: AdapterFile, signal: AbortSignal): Promise<[Blob, Blob]> {
    const blobs = await this.#blobs
    const file = await download({ urls: weights === '' ? [] : [weights], digest, bytes, blobs, signal, unchecked: true })
    const urls = config.url === '' ? [] : [config.url]
    return [file, await download({ urls, digest: config.sha256, bytes: config.bytes, blobs, signal })]
  }

  async #adapterFiles(adapter: AdapterFile): Promise<AdapterFiles> {
    const { signal } = new AbortController()
    for (let mended = false; ; mended = true) {
      const [file, text] = await this.#adapterBlobs(adapter, signal)
      const weights = new Uint8Array(await file.arrayBuffer())
      const sha256 = await digestOf(weights)
      if (sha256 === adapter.digest) return { config: await text.text(), weights, sha256 }
      if (mended) {
        throw new OpenChatError('digest_mismatch', `The kept file of the adapter ${adapter.name} is another one.`, {
          meta: { expected: adapter.digest, got: sha256, bytes: weights.length },
          action: 'Remove the adapter and add it again.',
        })
      }
      // Of what went wrong where it is kept, only the wrong chunks are fetched again.
      await (await this.#blobs).verify(adapter.digest, { signal })
    }
  }

  #state(): LoadedEngine {
    const { engine, device, wantedTokens, adapters, refused } = this.#current()
    const { contextTokens } = engine
    const { boot, bootAdapters } = engine.stats()
    const demoted = [...(boot?.demoted ?? []), ...bootAdapters.flatMap((found) => found.demoted)].map(({ kernel, to }) => ({ kernel, to }))
    const sentences = [...new Set(refused.values())]
    return { ...factsOf(device), contextTokens, wantedTokens, demoted, adapters: [...adapters], refused: sentences }
  }
}

function factsOf(device: Device): GpuFacts {
  return { gpu: device.adapterName, software: device.isFallbackAdapter, f16: device.gpu.features.has('shader-f16') }
}
