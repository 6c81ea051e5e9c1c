// The intake as the page sees it: the datanet worker, opened when it is first needed, with the tokeniser's file and the texts
// of all datanets that are here. The page's thread passes files on and never reads them.
// Invariants: what cannot be compared with is named (`comparedWith`), not passed over; after `release` the worker is gone.
import { fromWire, OpenChatError } from '../../errors.ts'
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import type { DatanetWorker } from '../../workers/datanet-api.ts'
import { type OpenWorker, openWorker, type RemoteApi, streamOf } from '../../workers/rpc.ts'
import type { IntakeEvent, IntakeService } from '../services.ts'
import type { Catalogue } from './catalogue.ts'
import type { DatanetDesk } from './datanet-desk.ts'

export interface IntakePorts {
  catalogue: Catalogue
  tracer(): Promise<RemoteApi<AttributionWorker>>
  datanets: DatanetDesk
}

/** Tokens of others' texts that cross this thread in one message: 1 MB, a few ms. */
const CORPUS_TOKENS = 500_000
/** Below the 16 MiB of one publication, with room for the names of its documents. */
const BATCH_BYTES = 8 * 2 ** 20
const MOST_BATCH_BYTES = 15 * 2 ** 20

export function openIntake({ catalogue, tracer, datanets }: IntakePorts): IntakeService {
  let worker: OpenWorker<DatanetWorker> | null = null
  let opening: Promise<RemoteApi<DatanetWorker>> | null = null

  async function open(): Promise<RemoteApi<DatanetWorker>> {
    const opened = openWorker<DatanetWorker>(new Worker(new URL('../../workers/datanet.worker.ts', import.meta.url), { type: 'module' }))
    worker = opened
    const { seedWords } = await import('../../wallet/seed-words.ts')
    await opened.api.open({ model: catalogue.models[0]!, seedWords })
    return opened.api
  }

  /** The worker; a failed opening is tried again by the next call. */
  function api(): Promise<RemoteApi<DatanetWorker>> {
    opening ??= open().catch((error: unknown) => {
      close()
      throw error
    })
    return opening
  }

  function close(): void {
    worker?.close()
    worker = null
    opening = null
  }

  /** Brings the worker up to every datanet that can be had now. */
  async function learn(intake: RemoteApi<DatanetWorker>, signal: AbortSignal): Promise<void> {
    const listed = (await datanets.service.list()).map(({ id }) => id)
    for (const id of listed) {
      // One that cannot be fetched is left out of `comparedWith`; that is no reason to examine nothing.
      await datanets.ensure([id], signal).catch((error: unknown) => {
        if (signal.aborted) throw error
      })
    }
    const attribution = await tracer()
    const known = await intake.known()
    for (const { id, documents } of await attribution.datanets()) {
      for (let from = known[id] ?? 0; from < documents; ) {
        signal.throwIfAborted()
        const part = await attribution.corpus(id, from, CORPUS_TOKENS)
        if (part.documents.length === 0) break
        await intake.learn(part)
        from += part.documents.length
      }
    }
  }

  return {
    async *examine(source, options, signal): AsyncGenerator<IntakeEvent> {
      const intake = await api()
      await learn(intake, signal)
      for await (const report of streamOf(intake.examine(source, options, signal))) {
        yield report.type === 'refused' ? { ...report, error: fromWire(report.error) } : report
      }
    },
    documents: async (offset, limit) => (await api()).documents(offset, limit),
    totals: async () => (await api()).totals(),
    mask: async (document, findings, masked) => (await api()).mask(document, findings, masked),
    maskKind: async (kind, masked) => (await api()).maskKind(kind, masked),
    describe: async (document, facts) => (await api()).describe(document, facts),
    text: async (document, from, to) => (await api()).text(document, from, to),
    drop: async (document, dropped = true) => (await api()).drop(document, dropped),
    async *batches(facts, signal, maxBytes = BATCH_BYTES) {
      if (maxBytes > MOST_BATCH_BYTES) {
        throw new OpenChatError('query_invalid', `A batch may have ${MOST_BATCH_BYTES} bytes, not ${maxBytes}.`, { meta: { maxBytes } })
      }
      yield* streamOf((await api()).batches(facts, maxBytes, signal))
    },
    async release() {
      if (opening === null) return
      await opening.then((intake) => intake.release()).catch(() => undefined)
      close()
    },
  }
}
