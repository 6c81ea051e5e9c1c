// Receipts as the page sees them: kept with what their owner needs to verify them (the answer, the own words, the salt),
// watched on the chain, verified step by step in the attribution worker. The owner's parts stay in this browser.
import type { Hex, ReplayAsk, ReplayFindings, Trace, Utterance } from '../../attribution/types.ts'
import type { SignedReceipt, TraceRequest } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { WalletSettings } from '../../wallet/settings.ts'
import type { LastSaid } from '../../wallet/verification.ts'
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import { type RemoteApi, streamOf } from '../../workers/rpc.ts'
import { when } from '../format.ts'
import type { Assurance, ReceiptService, ReceiptSummary, VerifyStep } from '../services.ts'
import { replaySteps } from './replay-steps.ts'
import type { WalletDesk } from './wallet-desk.ts'

type OwnerReceipt = Parameters<AttributionWorker['write']>[0]

/** A receipt in this browser, with the page's own notes beside it. */
interface KeptReceipt {
  receipt: SignedReceipt
  /** Also what the model drew, where it could be told: for a replay. */
  owner: { answer: string; prompt: string; said?: Utterance }
  /** ms since the epoch, of signing. */
  at: number
  /** Whose words it pays; absent in receipts of an early version of the page. */
  datanets?: string[]
  /** What the chain said of it when it was last asked, for when it cannot be. */
  said?: LastSaid
}

export interface ReceiptDesk {
  service: ReceiptService
  /** Kept when it resolves. */
  keep(receipt: SignedReceipt, request: TraceRequest, trace: Trace, said?: Utterance): Promise<void>
}

export interface ReceiptPorts {
  tracer(): Promise<RemoteApi<AttributionWorker>>
  /** Sees to it that these datanets are here. */
  ensure(ids: readonly string[], signal: AbortSignal): Promise<void>
  wallet: WalletDesk
  /** Lets the loaded model say it again. @throws replay_unavailable, engine_not_ready … */
  replay(ask: ReplayAsk): Promise<ReplayFindings>
}

const domainOf = ({ chainId, addresses }: WalletSettings) => ({ chainId: BigInt(chainId), contract: addresses.attributions })

/** Between looks at a watched receipt that is not paid yet, ms. */
const LOOK_MS = 2_000
const EXCERPT = 80

export function openReceiptDesk({ tracer, ensure, wallet, replay }: ReceiptPorts): ReceiptDesk {
  const records = indexedDbRecords().open<KeptReceipt>('receipts')

  async function kept(id: Hex): Promise<KeptReceipt> {
    const found = await records.get(id)
    if (found !== undefined) return found
    throw new OpenChatError('receipt_unknown', `Receipt ${id.slice(0, 10)}… is not kept in this browser.`, {
      action: 'Open the receipt file instead.',
    })
  }

  async function ownerReceipt({ receipt, owner }: KeptReceipt): Promise<OwnerReceipt> {
    const { headerOf } = await import('../../wallet/validator-client.ts')
    const { content, salt } = receipt.draft
    return { header: headerOf(receipt), content, signature: receipt.signature, owner: { ...owner, salt } }
  }

  async function summary({ receipt, owner, at, datanets = [] }: KeptReceipt): Promise<ReceiptSummary> {
    const sent = await (await wallet.maybe())?.ledger.outbox.get(receipt.id)
    const { id, draft } = receipt
    return {
      id,
      at,
      fee: draft.fee,
      excerpt: owner.answer.slice(0, EXCERPT),
      state: sent?.state ?? { state: 'signed' },
      text: `${owner.answer}\n${owner.prompt}`,
      datanets,
      trouble: sent?.trouble ?? null,
      retryAt: sent === undefined || sent.done ? null : sent.retryAt,
    }
  }

  function watch(id: Hex, listener: Parameters<ReceiptService['watch']>[1]): () => void {
    let stopped = false
    let told = ''
    /** Refused when it was last looked at: the chain has nothing to say of it until it is offered again. */
    let ended = false
    let timer: ReturnType<typeof setTimeout> | undefined
    listener({ state: 'signed' }, null)
    const look = async () => {
      const chain = await wallet.maybe()
      const sent = await chain?.ledger.outbox.get(id)
      if (stopped) return
      if (ended && sent?.done === true) {
        timer = setTimeout(look, LOOK_MS)
        return
      }
      // A badge claims nothing that is not proven: where the chain cannot be read it keeps what the outbox knows, and Verify says why.
      const proven = await chain?.ledger.status(id).catch(() => null)
      if (stopped) return
      if (proven) {
        const { labelled } = await import('../../wallet/chain-values.ts')
        listener(proven.value, labelled(proven).assurance as Assurance)
        if (proven.value.state !== 'signed' && told !== proven.value.state) {
          // What cannot be looked up now is looked up by the next verification.
          noteWhatIsSaid(id).catch(() => undefined)
        }
        told = proven.value.state
      } else if (sent) listener(sent.state, null)
      ended = !proven && sent?.done === true && sent.state.state === 'refused'
      if (!stopped && proven?.value.state !== 'paid') timer = setTimeout(look, LOOK_MS)
    }
    void look()
    return () => {
      stopped = true
      clearTimeout(timer)
    }
  }

  /** All that a verification asks of chain and validators. The datanets of the receipt must be here. */
  async function askChain(receipt: OwnerReceipt, signal?: AbortSignal) {
    const [api, chain, { fetchChain }] = await Promise.all([tracer(), wallet.wallet(), import('../../wallet/verification.ts')])
    const needs = await api.needs(receipt, domainOf(chain.settings))
    return { needs, fetched: await fetchChain(chain.chainValues(signal), needs) }
  }

  /** A receipt that came on the chain is looked up once more while it can be, so that it can be verified without a network. */
  async function noteWhatIsSaid(id: Hex): Promise<void> {
    const found = await records.get(id)
    if (found === undefined) return
    const { fetched } = await askChain(await ownerReceipt(found))
    await note(found, fetched)
  }

  async function note(entry: KeptReceipt, chain: LastSaid['chain']): Promise<void> {
    const { allProven } = await import('../../wallet/verification.ts')
    if (allProven(chain)) await records.update(entry.receipt.id, (now) => ({ ...(now ?? entry), said: { chain, at: Date.now() } }))
  }

  async function* verify(source: { id: Hex } | { file: string }, signal: AbortSignal): AsyncGenerator<VerifyStep> {
    const api = await tracer()
    const own = 'id' in source ? await kept(source.id) : undefined
    const receipt = own !== undefined ? await ownerReceipt(own) : await api.parse((source as { file: string }).file)
    const chain = await wallet.wallet()
    const domain = domainOf(chain.settings)
    const needs = await api.needs(receipt, domain)
    await ensure([...new Set(needs.heads.map(({ datanet }) => String(datanet)))], signal).catch(async (error: unknown) => {
      // A node that lies about what came later takes nothing from a datanet that is here as far as the receipt names it.
      const here = new Map((await api.datanets()).map(({ id, contributions }) => [id, contributions]))
      if (signal.aborted || needs.heads.some(({ datanet, contributions }) => (here.get(String(datanet)) ?? 0) < contributions)) throw error
    })
    const { fetchSigner, withLastSaid } = await import('../../wallet/verification.ts')
    // Accounts are known once the datanets are here.
    const [{ fetched }, signer] = await Promise.all([askChain(receipt, signal), fetchSigner(needs.digest, receipt.signature)])
    if (own !== undefined) await note(own, fetched)
    const said = own?.said
    const known = said === undefined ? fetched : withLastSaid(fetched, said.chain, when(said.at, Date.now()))
    for await (const step of streamOf(api.verify({ receipt, domain, signer, chain: known }, signal))) yield step as VerifyStep
  }

  return {
    keep: (receipt, { answer, prompt }, { spans, indexes }, said) => {
      const datanets = [...new Set(spans.map(({ index }) => indexes[index]!.datanet))]
      return records.set(receipt.id, { receipt, owner: { answer, prompt, ...(said && { said }) }, at: Date.now(), datanets })
    },
    service: {
      async list() {
        const all = (await records.entries()).map(([, entry]) => entry).sort((a, b) => b.at - a.at)
        return Promise.all(all.map(summary))
      },
      changed(listener) {
        let unsubscribe: (() => void) | undefined
        const stop = wallet.opened(({ ledger }) => {
          unsubscribe?.()
          unsubscribe = ledger.outbox.subscribe(listener)
          listener()
        })
        return () => {
          stop()
          unsubscribe?.()
        }
      },
      async retry() {
        await (await wallet.wallet()).ledger.outbox.retry()
      },
      async again(id) {
        await (await wallet.wallet()).ledger.outbox.again(id)
      },
      async batch(batch) {
        const { state } = await wallet.wallet()
        const { labelled } = await import('../../wallet/chain-values.ts')
        const { value, assurance } = labelled(await state.batch(await state.pin(), batch))
        return { ...value, batch, assurance: assurance as Assurance }
      },
      watch,
      verify,
      async *replay(source, signal) {
        const api = await tracer()
        const receipt = 'id' in source ? await ownerReceipt(await kept(source.id)) : await api.parse(source.file)
        yield* replaySteps(api, receipt, replay, signal)
      },
      async exportFile(id) {
        return (await tracer()).write(await ownerReceipt(await kept(id)))
      },
    },
  }
}
