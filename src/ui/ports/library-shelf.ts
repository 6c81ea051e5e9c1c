// The library itself: what the catalogue offers and what the visitor added, joined with what is kept, over the library worker.
// Records say what was added and what is about to be deleted; the bytes are the worker's.
// Invariants: what is listed as kept was found in the store when last looked; a removed file is hidden at once and its bytes
// go UNDO_MS later, or when the page is next opened; one transfer a model at a time.
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import { indexedDbRecords, type Records } from '../../storage/records.ts'
import type { AdapterFacts, LibraryWorker, ModelFacts, ModelMemory, TransferProgress } from '../../workers/library-api.ts'
import { openWorker } from '../../workers/rpc.ts'
import { bytes, count } from '../format.ts'
import type { AddProgress, Fit, Library, LocalAdapter, LocalModel, ModelsService, Transfer } from '../services.ts'
import { models as words } from '../strings/models.ts'
import type { Catalogue } from './catalogue.ts'
import { offered } from './offered.ts'
import { storageReport } from './storage-report.ts'
import type { Told } from './told.ts'

/** Longer than a notice with its undo stays. */
const UNDO_MS = 10_000

type Entry =
  | { kind: 'model'; model: Omit<LocalModel, 'keptBytes'>; memory: ModelMemory; leavingAt?: number }
  | { kind: 'adapter'; adapter: LocalAdapter; leavingAt?: number }
  /** Of the catalogue: nothing to remember but that its bytes are to go. */
  | { kind: 'offered'; leavingAt: number }

export function openShelf(catalogue: Catalogue, library: Told<Library>): ModelsService {
  const { api } = openWorker<LibraryWorker>(new Worker(new URL('../../workers/library.worker.ts', import.meta.url), { type: 'module' }))
  const records: Records<Entry> = indexedDbRecords().open<Entry>('library')
  const running = new Map<string, AbortController>()
  const transfers = new Map<string, Transfer>()
  const fits = new Map<string, Promise<Fit>>()

  // The tab that runs the engine lets a model go that another one deleted.
  const channel = new BroadcastChannel('open-chat/library')
  channel.addEventListener('message', () => void refresh())
  const tell = () => channel.postMessage('changed')

  async function refresh(): Promise<void> {
    const entries = new Map(await records.entries())
    const own = [...entries.values()].filter(({ leavingAt }) => leavingAt === undefined)
    const { models, adapters } = offered(catalogue)
    const all = [...models, ...own.flatMap((entry) => (entry.kind === 'model' ? [entry.model] : []))]
    const seen = new Map<string, number>()
    const leaving = (digest: string) => entries.get(digest)?.leavingAt !== undefined
    for (const { digest } of all) seen.set(digest, leaving(digest) ? 0 : (await api.kept(digest)).bytes)
    library.set({
      models: all.map((model) => ({
        ...{ ...model, keptBytes: seen.get(model.digest) ?? 0, transfer: transferOf(model, seen) },
        leaving: leaving(model.digest),
      })),
      adapters: [...adapters, ...own.flatMap((entry) => (entry.kind === 'adapter' ? [entry.adapter] : []))],
      evicted: library.value.evicted,
    })
  }

  function transferOf({ digest, bytes }: { digest: string; bytes: number }, kept: Map<string, number>): Transfer | null {
    const held = kept.get(digest) ?? 0
    const known = transfers.get(digest)
    if (known !== undefined) return known
    return held > 0 && held < bytes ? { state: 'paused', doneBytes: held, totalBytes: bytes } : null
  }

  function told(digest: string, transfer: Transfer | null): void {
    if (transfer === null) transfers.delete(digest)
    else transfers.set(digest, transfer)
    library.set({ ...library.value, models: library.value.models.map((m) => (m.digest === digest ? { ...m, transfer } : m)) })
  }

  const modelOf = (digest: string) => {
    const found = library.value.models.find((model) => model.digest === digest)
    if (found !== undefined) return found
    throw new OpenChatError('model_unavailable', 'This model is not in the list any more.', { action: 'Add it again.' })
  }

  async function transfer(digest: string): Promise<void> {
    if (running.has(digest)) return
    const model = modelOf(digest)
    const controller = new AbortController()
    running.set(digest, controller)
    const totalBytes = model.bytes
    told(digest, { state: 'running', doneBytes: model.keptBytes, totalBytes, bytesPerSecond: 0, stage: 'checking' })
    try {
      await enoughRoom(model.bytes - model.keptBytes)
      await stays(digest)
      await api.fetch(
        model,
        ({ stage, doneBytes, bytesPerSecond }: TransferProgress) => {
          if (controller.signal.aborted) return
          told(digest, { state: 'running', doneBytes, totalBytes, bytesPerSecond, stage: stage === 'checking' ? stage : 'downloading' })
        },
        controller.signal,
      )
      told(digest, null)
    } catch (thrown) {
      const error = await withWhatToFree(asOpenChatError(thrown), digest)
      told(digest, controller.signal.aborted ? null : { state: 'failed', error })
    } finally {
      running.delete(digest)
      await refresh()
    }
  }

  /** Wanted again: what was to be deleted stays. */
  async function stays(digest: string): Promise<void> {
    const entry = await records.get(digest)
    if (entry?.kind === 'offered') await records.delete(digest)
    else if (entry?.leavingAt !== undefined) await records.set(digest, withoutLeaving(entry))
  }

  /** Said before anything is fetched, where the browser says how much room it gives. @throws storage_full */
  async function enoughRoom(needed: number): Promise<void> {
    const { usage, quota } = (await navigator.storage?.estimate?.()) ?? {}
    if (usage === undefined || quota === undefined || quota - usage >= needed) return
    throw new OpenChatError('storage_full', words.noRoom(bytes(needed), bytes(Math.max(0, quota - usage))), {
      meta: { usedBytes: usage, quotaBytes: quota },
      action: words.freeSpace,
    })
  }

  /** A full store: which kept file would make the most room. */
  async function withWhatToFree(error: OpenChatError, besides: string): Promise<OpenChatError> {
    if (error.code !== 'storage_full') return error
    const largest = library.value.models
      .filter(({ digest, keptBytes }) => digest !== besides && keptBytes > 0)
      .sort((a, b) => b.keptBytes - a.keptBytes)[0]
    if (largest === undefined) return error
    const action = words.freeModel(largest.name, bytes(largest.keptBytes))
    return new OpenChatError(error.code, error.shortMessage, { meta: error.meta, action, cause: error })
  }

  const added = (progress: (event: AddProgress) => void) => (event: TransferProgress) => progress(event)

  async function keepModel(
    digest: string,
    facts: ModelFacts,
    name: string,
    from: Pick<LocalModel, 'source' | 'urls'>,
  ): Promise<LocalModel> {
    const { architecture, contextTokens, licence, memory } = facts
    const model = { digest, name: facts.name ?? name, bytes: facts.bytes, licence, architecture, contextTokens, ...from }
    const offeredHere = catalogue.models.some(({ sha256 }) => sha256 === digest)
    if (!offeredHere) await records.set(digest, { kind: 'model', model, memory })
    await refresh()
    return { ...model, keptBytes: facts.bytes }
  }

  async function keepAdapter(
    { digest, bytes, rank, base, config }: AdapterFacts,
    name: string,
    source: LocalAdapter['source'],
  ): Promise<LocalAdapter> {
    const known = catalogue.adapters.find((adapter) => adapter.digest === digest)
    const adapter: LocalAdapter = {
      ...{ digest, name, bytes, rank, base, source, lineage: [], weights: null },
      config: { url: null, sha256: config.sha256, bytes: config.bytes },
    }
    if (known === undefined) await records.set(digest, { kind: 'adapter', adapter })
    await refresh()
    return library.value.adapters.find((listed) => listed.digest === digest) ?? adapter
  }

  const bases = () => library.value.models.map(({ digest, bytes, urls }) => ({ digest, bytes, urls }))

  async function sweep(after: number): Promise<void> {
    for (const [digest, entry] of await records.entries()) {
      if (entry.leavingAt === undefined || entry.leavingAt > after) continue
      await api.delete(digest)
      if (entry.kind === 'adapter') await api.delete(entry.adapter.config.sha256)
      await records.delete(digest)
      fits.delete(digest)
    }
  }

  async function fitOf(digest: string): Promise<Fit> {
    const entry = await records.get(digest)
    const memory = entry?.kind === 'model' ? entry.memory : catalogue.models.find(({ sha256 }) => sha256 === digest)?.memory
    // A record of an earlier version of the page tells less.
    if (memory?.pageCache === undefined) return { verdict: 'unknown', reason: words.fit.unread, plan: null }
    const mine = library.value.adapters.filter(({ base }) => base === null || base === digest)
    const found = await api.fit(
      memory,
      mine.reduce((sum, adapter) => sum + adapter.bytes, 0),
    )
    const { plan, wantedTokens } = found
    const say = words.fit
    if (found.verdict === 'no_gpu') return { verdict: 'unknown', reason: say.noGpu, plan }
    if (found.verdict === 'buffer_too_large') {
      return { verdict: 'too_large', reason: say.buffer(bytes(found.wantedBytes), bytes(found.allowedBytes)), plan }
    }
    const shorter = found.verdict === 'fits' && plan.contextTokens < wantedTokens
    const reason = shorter
      ? say.shorter(bytes(plan.total), count(plan.contextTokens), count(wantedTokens))
      : say[found.verdict](bytes(plan.total), count(plan.contextTokens))
    return { verdict: found.verdict, reason, plan }
  }

  async function begin(): Promise<void> {
    await sweep(Date.now())
    await refresh()
    const names = new Map(library.value.models.map(({ digest, name }) => [digest, name]))
    for (const { digest, name } of library.value.adapters) names.set(digest, name)
    const evicted = (await api.missing()).map((file) => ({ ...file, name: names.get(file.digest) ?? words.someFile }))
    library.set({ ...library.value, evicted })
  }
  // What the store says is asked again by every later look; the list as offered stands until then.
  void begin().catch((error: unknown) => console.error(error))

  return {
    subscribe: library.subscribe,
    download: (digest) => void transfer(digest),
    pause: (digest) => running.get(digest)?.abort(),
    async discard(digest) {
      running.get(digest)?.abort()
      transfers.delete(digest)
      await api.delete(digest)
      await refresh()
    },
    async addModelFile(file, progress, signal) {
      await enoughRoom(file.size)
      const { digest, facts } = await api.addModelFile(file, added(progress), signal)
      return keepModel(digest, facts, file.name.replace(/\.gguf$/i, ''), { source: 'file', urls: [] })
    },
    async addModelFiles(chosen, progress, signal) {
      // A folder may hold gigabytes of other forms of the same model.
      const useful = chosen.filter(({ name }) => /\.(gguf|safetensors|json|jinja)$/i.test(name))
      const files = useful.length === 0 ? chosen : useful
      await enoughRoom(files.reduce((sum, { size }) => sum + size, 0))
      const folder = files[0]?.webkitRelativePath.split('/')[0] || null
      const { digest, facts } = await api.addModelFiles(files, folder, added(progress), signal)
      const stem = files.find(({ name }) => /\.gguf$/i.test(name))?.name.replace(/(-\d{5}-of-\d{5})?\.gguf$/i, '')
      return keepModel(digest, facts, stem ?? folder ?? facts.architecture, { source: 'file', urls: [] })
    },
    async addModelUrl(url, progress, signal) {
      const { digest, facts, name, urls } = await api.addModelUrl(url, added(progress), signal)
      return keepModel(digest, facts, name, { source: 'url', urls })
    },
    async addAdapterFiles(files, signal) {
      const folder = files[0]?.webkitRelativePath.split('/').at(-2)
      const name = folder ?? files.find(({ name }) => /\.zip$/i.test(name))?.name.replace(/\.zip$/i, '') ?? words.unnamedAdapter
      return keepAdapter(await api.addAdapterFiles(files, bases(), signal), name, 'file')
    },
    async addAdapterUrl(url, signal) {
      const facts = await api.addAdapterUrl(url, bases(), signal)
      const parts = new URL(url.trim()).pathname.split('/').filter((part) => part !== '' && !/^adapter_|^(resolve|tree|main)$/.test(part))
      return keepAdapter(facts, (parts.at(-1) ?? words.unnamedAdapter).replace(/\.zip$/i, ''), 'url')
    },
    async remove(digest) {
      running.get(digest)?.abort()
      transfers.delete(digest)
      const leavingAt = Date.now() + UNDO_MS
      await records.update(digest, (entry) => (entry === undefined ? { kind: 'offered', leavingAt } : { ...entry, leavingAt }))
      await refresh()
      tell()
      const timer = setTimeout(() => void sweep(leavingAt).then(refresh), UNDO_MS)
      return {
        async undo() {
          clearTimeout(timer)
          await stays(digest)
          await refresh()
          tell()
        },
      }
    },
    async wanted(digest) {
      if ((await records.get(digest))?.leavingAt === undefined) return
      await stays(digest)
      await refresh()
      tell()
    },
    async check(digest, signal) {
      const { chunks, wrong } = await api.verify(digest, signal)
      await refresh()
      return { chunks, wrong: wrong.length }
    },
    fit(digest) {
      const known = fits.get(digest) ?? fitOf(digest)
      fits.set(digest, known)
      known.catch(() => fits.delete(digest))
      return known
    },
    refresh,
    storage: async () => storageReport(catalogue, library.value, await api.list(), api.text),
    persist: async () => (await navigator.storage?.persist?.()) ?? false,
    async acknowledgeEviction() {
      for (const { digest } of library.value.evicted) await api.forget(digest)
      library.set({ ...library.value, evicted: [] })
    },
  }
}

function withoutLeaving(entry: Exclude<Entry, { kind: 'offered' }>): Entry {
  const { leavingAt: _, ...rest } = entry
  return rest
}
