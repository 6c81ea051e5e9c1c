// What the library worker does, apart from being a worker: reads headers, fetches and keeps files, judges adapters, looks
// whether a model fits. It runs in Node too. It keeps no list of its own: the page does.
// Invariants: a file that cannot run is refused from its header, before its bulk is fetched or copied; what is kept is
// named by the sha256 of its bytes.
import { OpenChatError } from '../errors.ts'
import { type GgufFile, readGguf } from '../gpu/formats/gguf.ts'
import { readPeft, readPeftConfig } from '../gpu/formats/peft.ts'
import { createChatTemplate } from '../gpu/model/chat-template.ts'
import { modelConfig } from '../gpu/model/config.ts'
import { memoryShape, planOf } from '../gpu/model/memory-plan.ts'
import { createTokenizer } from '../gpu/model/tokenizer.ts'
import { probeMemory } from '../gpu/probe-memory.ts'
import type { AdapterFiles, ByteSource } from '../gpu/types.ts'
import { type BlobStore, writeInOrder } from '../storage/blobs.ts'
import { digestOf } from '../storage/digest.ts'
import { type BadChunk, download, downloadNameless } from '../storage/download.ts'
import type { Journal } from '../storage/journal.ts'
import { adapterOfFiles, adapterOfUrl } from './adapter-files.ts'
import { LEAST_CONTEXT, mostContext } from './context-bounds.ts'
import type { AdapterFacts, AddedUrl, BaseModel, LibraryWorker, ModelFacts, TransferProgress } from './library-api.ts'
import { copyIntoStore, manyAddress, openServedModel, sourceOfFiles } from './model-files.ts'
import { fileAddress, openServedFile } from './served-file.ts'
import { blobSource, rangeSource } from './sources.ts'

export interface LibraryPorts {
  blobs: BlobStore
  journal: Pick<Journal, 'missing' | 'forget'>
  /** null where there is no WebGPU. */
  gpu(): GPU | null
}

export function openLibraryDesk({ blobs, journal, gpu }: LibraryPorts): LibraryWorker {
  const headers = new Map<string, GgufFile>()

  async function headerOf({ digest, bytes, urls }: BaseModel): Promise<GgufFile> {
    const known = headers.get(digest)
    if (known !== undefined) return known
    const kept = await blobs.get(digest)
    if (kept === null && urls[0] === undefined) {
      throw new OpenChatError('model_unavailable', `The model ${digest.slice(0, 12)}… is not here.`, { action: 'Add its file again.' })
    }
    const header = await readGguf(kept === null ? rangeSource(urls[0]!, bytes) : blobSource(kept))
    headers.set(digest, header)
    return header
  }

  /** Keeps an adapter that one of `bases` can take. */
  async function keepAdapter(files: AdapterFiles, bases: BaseModel[]): Promise<AdapterFacts> {
    const { baseSha256 } = readPeftConfig(files.config)
    const fitting = baseSha256 === null ? bases : bases.filter(({ digest }) => digest === baseSha256)
    let refusal = new OpenChatError(
      'adapter_mismatch',
      `The adapter was trained against model ${baseSha256?.slice(0, 12)}…, which is not here.`,
      {
        meta: { expected: baseSha256 },
        action: 'Add that model first.',
      },
    )
    for (const base of fitting) {
      try {
        const { maxRank } = readPeft(files, modelConfig(await headerOf(base)), base.digest)
        const config = new TextEncoder().encode(files.config)
        const [digest, sha256] = [await digestOf(files.weights), await digestOf(config)]
        if (!(await blobs.has(digest))) await blobs.put(digest, files.weights)
        if (!(await blobs.has(sha256))) await blobs.put(sha256, config)
        return {
          digest,
          bytes: files.weights.length,
          rank: maxRank,
          base: baseSha256,
          config: { digest: sha256, sha256, bytes: config.length },
        }
      } catch (error) {
        // Shapes of another model: the next may be the right one.
        if (!(error instanceof OpenChatError) || error.code !== 'adapter_mismatch') throw error
        refusal = error
      }
    }
    throw refusal
  }

  /** Read in ranges as the store takes it; what came of it stays when it is cut off. */
  async function addServedModel(
    address: NonNullable<ReturnType<typeof manyAddress>>,
    progress: (event: TransferProgress) => void,
    signal: AbortSignal,
  ): Promise<AddedUrl> {
    progress({ stage: 'reading', doneBytes: 0, totalBytes: null, bytesPerSecond: 0 })
    const { source, version, name, close } = await openServedModel(address, signal)
    try {
      const facts = await factsOf(source)
      const at = await digestOf(new TextEncoder().encode(`urls ${version ?? crypto.randomUUID()}`))
      const writer = await blobs.nameless(at, { bytes: source.bytes })
      const told = paced(progress)
      const bytes = await copyIntoStore(source, writer, signal, (doneBytes) =>
        told({ stage: 'downloading', doneBytes, totalBytes: source.bytes, bytesPerSecond: 0 }),
      )
      return { digest: await writer.commit(bytes), facts, name, urls: [] }
    } finally {
      close()
    }
  }

  return {
    async addModelFile(file, progress, signal) {
      progress({ stage: 'reading', doneBytes: 0, totalBytes: file.size, bytesPerSecond: 0 })
      const facts = await factsOf(blobSource(file))
      const name = await digestOf(new TextEncoder().encode(`file ${file.name} ${file.size} ${file.lastModified}`))
      const writer = await blobs.nameless(name, { bytes: file.size })
      const told = paced(progress)
      const stream = file.stream().pipeThrough(new TransformStream<Uint8Array, Uint8Array>(), { signal })
      try {
        const bytes = await writeInOrder(writer, stream, (doneBytes) =>
          told({ stage: 'copying', doneBytes, totalBytes: file.size, bytesPerSecond: 0 }),
        )
        return { digest: await writer.commit(bytes), facts }
      } catch (error) {
        // The file is at hand and copied again in seconds: half of it would only take room.
        await writer.discard()
        throw signal.aborted ? new OpenChatError('cancelled', 'Adding the model was cancelled.', { cause: error }) : error
      }
    },

    async addModelFiles(files, folder, progress, signal) {
      const given = files.reduce((sum, { size }) => sum + size, 0)
      progress({ stage: 'reading', doneBytes: 0, totalBytes: given, bytesPerSecond: 0 })
      const source = await sourceOfFiles(files, folder)
      const facts = await factsOf(source)
      const listed = files.map(({ name, size, lastModified }) => `${name} ${size} ${lastModified}`).sort()
      const name = await digestOf(new TextEncoder().encode(`files ${folder} ${listed.join('\n')}`))
      const writer = await blobs.nameless(name, { bytes: source.bytes })
      const told = paced(progress)
      try {
        const bytes = await copyIntoStore(source, writer, signal, (doneBytes) =>
          told({ stage: 'copying', doneBytes, totalBytes: source.bytes, bytesPerSecond: 0 }),
        )
        return { digest: await writer.commit(bytes), facts }
      } catch (error) {
        await writer.discard()
        throw error
      }
    },

    async addModelUrl(typed, progress, signal) {
      const many = manyAddress(typed)
      if (many !== null) return addServedModel(many, progress, signal)
      const served = await openServedFile(fileAddress(typed), signal)
      try {
        progress({ stage: 'reading', doneBytes: 0, totalBytes: served.bytes, bytesPerSecond: 0 })
        const facts = await factsOf(served.source)
        const { url, bytes, version } = served
        // Without a version, an earlier half may be of another file: then nothing is taken up.
        const name = await digestOf(new TextEncoder().encode(`url ${url} ${bytes} ${version ?? crypto.randomUUID()}`))
        const told = paced(progress)
        const digest = await downloadNameless({
          url,
          name,
          bytes,
          blobs,
          signal,
          onProgress: ({ doneBytes, bytesPerSecond }) => told({ stage: 'downloading', doneBytes, totalBytes: bytes, bytesPerSecond }),
        })
        const last = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '')
        return { digest, facts, name: last.replace(/\.gguf$/i, ''), urls: [url] }
      } finally {
        served.close()
      }
    },

    addAdapterFiles: async (files, bases) => keepAdapter(await adapterOfFiles(files), bases),
    addAdapterUrl: async (url, bases, signal) =>
      keepAdapter(await adapterOfUrl(url, (config) => void readPeftConfig(config), signal), bases),

    async fetch({ digest, bytes, urls, chunks }, progress, signal) {
      const bad: BadChunk[] = []
      const told = paced(progress)
      await download({
        digest,
        bytes,
        urls,
        blobs,
        signal,
        ...(chunks === undefined ? {} : { chunks }),
        onBadChunk: (chunk) => bad.push(chunk),
        onProgress: ({ phase, doneBytes, bytesPerSecond }) => {
          if (phase !== 'waiting')
            told({ stage: phase === 'hashing' ? 'checking' : 'downloading', doneBytes, totalBytes: bytes, bytesPerSecond })
        },
      })
      return bad
    },

    kept: (digest) => blobs.kept(digest),
    list: () => blobs.list(),
    text: async (digest) => (await (await blobs.get(digest))?.text()) ?? null,
    verify: (digest, signal) => blobs.verify(digest, { signal }),
    delete: (digest) => blobs.delete(digest),
    missing: () => journal.missing(blobs),
    forget: (digest) => journal.forget(digest),
    async fit(memory, adapterBytes) {
      const device = gpu()
      const adapter = await device?.requestAdapter({ powerPreference: 'high-performance' })
      const most = mostContext(adapter?.info.isFallbackAdapter ?? false, memory.contextTokens)
      if (device === null) return { verdict: 'no_gpu', plan: planOf(memory, most, adapterBytes), wantedTokens: most }
      const context = { least: Math.min(LEAST_CONTEXT, most), most }
      return { ...(await probeMemory(device, { shape: memory, context, adapterBytes })), wantedTokens: most }
    },
  }
}

/** @throws gguf_invalid, file_truncated, architecture_unsupported, tensor_type_unsupported, tokenizer_unsupported, chat_template_failed */
async function factsOf(source: ByteSource): Promise<ModelFacts> {
  const gguf = await readGguf(source)
  const config = modelConfig(gguf)
  const memory = memoryShape(gguf)
  // What cannot speak is of no use here, however well it computes.
  createChatTemplate(gguf, createTokenizer(gguf))
  const text = (key: string) => {
    const value = gguf.metadata.get(key)
    return typeof value === 'string' && value.trim() !== '' ? value.trim().slice(0, 120) : null
  }
  return {
    name: text('general.name'),
    licence: text('general.license'),
    architecture: config.architecture,
    contextTokens: config.contextTokens,
    bytes: source.bytes,
    memory,
  }
}

/** At most ten messages a second cross to the page; the last of them may be lost, the result is not. */
function paced(progress: (event: TransferProgress) => void): (event: TransferProgress) => void {
  let last = 0
  return (event) => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    progress(event)
  }
}
