// Fills the page's services with the real rooms: workers for engine and attribution, the wallet behind them. The one place
// where the page's parts meet; nothing of the chain is loaded before the first paint.
import type { Trace, Utterance } from '../attribution/types.ts'
import { answer, measure } from '../chat/answer.ts'
import type { Conversation } from '../chat/conversation.ts'
import { conversationStore } from '../chat/conversation-store.ts'
import type { Tracer } from '../chat/ports.ts'
import { indexedDbRecords } from '../storage/records.ts'
import type { AttributionWorker } from '../workers/attribution-api.ts'
import { openWorker, type RemoteApi } from '../workers/rpc.ts'
import { type Catalogue, loadCatalogue } from './ports/catalogue.ts'
import { openConnection } from './ports/connection.ts'
import { openDatanetDesk } from './ports/datanet-desk.ts'
import { draftPort } from './ports/draft-port.ts'
import { openEngine } from './ports/engine-service.ts'
import { firstPaint } from './ports/first-paint.ts'
import { openIntake } from './ports/intake.ts'
import { openKeyDesk } from './ports/keys.ts'
import { openLibrary } from './ports/library.ts'
import { openPayment } from './ports/payment.ts'
import { pdfText } from './ports/pdf-text.ts'
import { prewarm } from './ports/prewarm.ts'
import { openReceiptDesk } from './ports/receipt-desk.ts'
import { openWalletDesk } from './ports/wallet-desk.ts'
import type { Services } from './services.ts'

/** wei; the default of attribution/parameters.ts, shown before the worker is there. */
const FEE = 10n ** 15n

export async function createServices(): Promise<Services> {
  const catalogue = await loadCatalogue()
  const painted = firstPaint()
  const models = openLibrary(catalogue, painted)
  const { attribution, tracer } = openTracer(catalogue)
  const engine = openEngine({ catalogue, models, records: indexedDbRecords(), drafts: () => draftPort(attribution()), painted })
  const connection = openConnection(() => void keys.connectionChanged())
  const wallet = openWalletDesk(
    FEE,
    (error) => console.error(error),
    () => connection.resume(),
    painted,
  )
  const keys = openKeyDesk(wallet, connection)
  const datanets = openDatanetDesk({ catalogue, tracer, wallet })
  const receipts = openReceiptDesk({ tracer, ensure: datanets.ensure, wallet, replay: engine.replay })
  void prewarm({ engine: engine.service, served: catalogue.datanets.map(({ id }) => id), ensure: datanets.ensure })
  /**
   * Only those made for the chosen model: another's adapters are not loaded. A datanet without one of its own is quoted by the
   * first: quoting is a manner that all of them were taught.
   */
  const quotingAdapters = (datanets: readonly string[]): Record<string, string> => {
    const loaded = catalogue.adapters.filter(({ digest }) => digest in engine.service.model.adapters)
    const own = new Map(loaded.flatMap(({ digest, lineage }) => lineage.map(({ datanet }) => [datanet, digest] as const)))
    const [first] = loaded
    return first === undefined ? {} : Object.fromEntries(datanets.map((id) => [id, own.get(id) ?? first.digest]))
  }

  return {
    engine: engine.service,
    models,
    async *ask(request, signal) {
      await datanets.ensureSome(request.datanets, signal)
      const api = await tracer()
      // What stands against paying must not cost the answer; that nobody was paid is said after it.
      const payment = await openPayment(wallet, request.payContributors, FEE)
      const port: Tracer = {
        retrieve: api.retrieve,
        live: api.live,
        trace: api.trace,
        async draft(draft) {
          const { settings } = await wallet.wallet()
          return api.draft(draft, { chainId: BigInt(settings.chainId), contract: settings.addresses.attributions })
        },
      }
      const ports = { engine: engine.port, tracer: port, ...(payment.ledger === null ? {} : { ledger: payment.ledger }) }
      let trace: Trace | null = null
      let said: Utterance | undefined
      try {
        for await (const event of answer({ ...request, quotingAdapters: quotingAdapters(request.datanets) }, ports, signal)) {
          if (event.type === 'generated') said = event.said
          if (event.type === 'traced') trace = event.trace
          if (event.type === 'signed') {
            payment.signed()
            await receipts.keep(event.receipt, event.request, trace!, said)
          }
          yield event
        }
      } finally {
        await payment.release()
      }
      if (trace !== null && trace.spans.length > 0) await payment.close()
    },
    pdfText,
    measure: (request) => measure({ ...request, quotingAdapters: quotingAdapters(request.datanets) }, engine.port),
    datanets: datanets.service,
    intake: openIntake({ catalogue, tracer, datanets }),
    receipts: receipts.service,
    wallet: wallet.service,
    keys: keys.service,
    conversations: conversationStore(indexedDbRecords().open<Conversation>('conversations')),
  }
}

/** The attribution worker, opened when it is first needed; a failed opening is tried again by the next call. */
function openTracer({ models, adapters }: Catalogue) {
  let running: RemoteApi<AttributionWorker> | null = null
  const attribution = () => {
    running ??= openWorker<AttributionWorker>(
      new Worker(new URL('../workers/attribution.worker.ts', import.meta.url), { type: 'module' }),
    ).api
    return running
  }
  let opening: Promise<RemoteApi<AttributionWorker>> | null = null
  const settings = {
    model: models[0]!,
    adapters: adapters.map(({ digest, lineage }) => ({
      digest: `0x${digest}` as const,
      lineage: lineage.map(({ datanet, contributions }) => ({
        adapter: `0x${digest}` as const,
        datanet: BigInt(datanet),
        contributions,
      })),
    })),
  }
  const tracer = () => {
    const api = attribution()
    opening ??= api.open(settings).then(
      () => api,
      (error: unknown) => {
        opening = null
        throw error
      },
    )
    return opening
  }
  return { attribution, tracer }
}
