// Datanets as the page sees them: those of the catalogue at once, those of the chain with proof, their contents through the
// attribution worker. A datanet is fetched when it is first needed, and brought up to the chain's head each time.
// Invariant: a chain that does not answer hides no datanet that is here already, and shows no commitment as proven.
import type { Hex } from '../../attribution/types.ts'
import { OpenChatError } from '../../errors.ts'
import type { ListedDatanet } from '../../wallet/datanets.ts'
import type { Wallet } from '../../wallet/wallet.ts'
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import type { RemoteApi } from '../../workers/rpc.ts'
import type { Assurance, ContributionDraft, ContributionProgress, DatanetService, DatanetSummary } from '../services.ts'
import { strings } from '../strings.ts'
import type { Catalogue, CatalogueDatanet } from './catalogue.ts'
import type { WalletDesk } from './wallet-desk.ts'

export interface DatanetDesk {
  service: DatanetService
  /** Fetches what is missing of these datanets and adds what the chain has beyond. */
  ensure(ids: readonly string[], signal: AbortSignal): Promise<void>
}

export interface DatanetPorts {
  catalogue: Catalogue
  /** Opened attribution worker. */
  tracer(): Promise<RemoteApi<AttributionWorker>>
  wallet: WalletDesk
}

export function openDatanetDesk({ catalogue, tracer, wallet }: DatanetPorts): DatanetDesk {
  const served = new Map(catalogue.datanets.map((datanet) => [datanet.id, datanet]))
  const fetching = new Map<string, Promise<void>>()

  /** One fetch of a datanet at a time; a failed one is tried again by the next call. */
  function once(id: string, work: () => Promise<void>): Promise<void> {
    const running = fetching.get(id) ?? work().finally(() => fetching.delete(id))
    fetching.set(id, running)
    return running
  }

  async function fetchServed(id: string, signal: AbortSignal): Promise<void> {
    const offered = served.get(id)
    const api = await tracer()
    if (offered === undefined || (await api.datanets()).some((facts) => facts.id === id)) return
    await api.addServed(
      { id, digest: offered.digest, folder: new URL(`/datanets/${offered.digest}/`, location.href).href },
      () => {},
      signal,
    )
  }

  async function fetchNew(id: string, chain: Wallet, signal: AbortSignal): Promise<void> {
    const api = await tracer()
    const known = (await api.datanets()).find((facts) => facts.id === id)?.contributions ?? 0
    const { contributions } = await chain.datanets.contributions(BigInt(id))
    const fresh = []
    for (const contribution of contributions.slice(known)) {
      fresh.push({ contribution, documents: await chain.datanets.documents(contribution, signal) })
    }
    if (fresh.length > 0) await api.addContributions(id, fresh)
  }

  async function ensureOne(id: string, signal: AbortSignal): Promise<void> {
    await once(id, () => fetchServed(id, signal))
    const chain = await wallet.maybe()
    if (chain === null) return
    await once(`${id}+`, () => fetchNew(id, chain, signal)).catch((error: unknown) => {
      // The chain or DA is down: what is here is still good, and receipts name how much of the datanet that was.
      if (signal.aborted || !isOutage(error)) throw error
    })
  }

  /** What the chain has, or null where it does not answer. */
  async function chainList(): Promise<ListedDatanet[] | null> {
    const chain = await wallet.maybe()
    if (chain === null) return null
    return chain.datanets.list().catch((error: unknown) => {
      if (isOutage(error)) return null
      throw error
    })
  }

  async function summary(listed: ListedDatanet): Promise<DatanetSummary> {
    const chain = await wallet.wallet()
    const { labelled } = await import('../../wallet/chain-values.ts')
    const id = String(listed.id)
    const { contributions, head } = await chain.datanets.contributions(listed.id)
    const offered = served.get(id)
    return {
      id,
      name: listed.state.value.name,
      description: offered?.description ?? '',
      licence: await licenceName(listed.state.value.licence),
      contributors: new Set(contributions.map(({ author }) => author)).size,
      documents: contributions.reduce((sum, { documents }) => sum + documents, 0),
      tokens: contributions.reduce((sum, { tokens }) => sum + tokens, 0),
      commitment: head.value,
      assurance: labelled(head).assurance as Assurance,
      samples: offered?.samples ?? [],
    }
  }

  async function list(): Promise<DatanetSummary[]> {
    const listed = await chainList()
    return listed === null ? catalogue.datanets.map(offeredSummary) : Promise.all(listed.map(summary))
  }

  async function prepared(draft: ContributionDraft) {
    const { author, licence, title, year, text } = draft
    const facts = { author: author.trim().normalize('NFC'), licence, title: title.trim().normalize('NFC'), year }
    return { facts, ...(await (await tracer()).prepare(text, facts)) }
  }

  async function* contribute(draft: ContributionDraft, signal: AbortSignal): AsyncGenerator<ContributionProgress> {
    yield { stage: 'prepare', state: 'running' }
    const chain = await wallet.wallet()
    const { facts, text, tokens } = await prepared(draft)
    yield { stage: 'prepare', state: 'done' }
    const plan = { datanet: BigInt(draft.datanet), licence: draft.licence, documents: [{ facts, text, tokens }] }
    for await (const event of chain.contributor.contribute(plan, signal)) {
      if (event.stage !== 'finished') {
        yield { stage: event.stage === 'publish' ? 'da' : event.stage, state: event.state }
        continue
      }
      yield { stage: 'index', state: 'running' }
      await ensureOne(draft.datanet, signal)
      const known = (await (await tracer()).datanets()).find(({ id }) => id === draft.datanet)
      yield { stage: 'index', state: 'done' }
      const { contribution, transaction } = event
      const commitment = known?.commitment ?? event.commitment
      yield { stage: 'finished', datanet: draft.datanet, contribution, documents: 1, tokens: tokens.length, commitment, transaction }
    }
  }

  const whole = new AbortController().signal
  return {
    async ensure(ids, signal) {
      for (const id of ids) await ensureOne(id, signal)
    },
    service: {
      list,
      async contributors(id) {
        await ensureOne(id, whole)
        const rows = new Map<string, { account: Hex; author: string; documents: number; tokens: number }>()
        for (const { contributor, author, tokens } of await (await tracer()).documents(id)) {
          const row = rows.get(`${contributor} ${author}`) ?? { account: contributor, author, documents: 0, tokens: 0 }
          rows.set(`${contributor} ${author}`, { ...row, documents: row.documents + 1, tokens: row.tokens + tokens })
        }
        return [...rows.values()]
      },
      async documents(id, offset, limit) {
        await ensureOne(id, whole)
        const entries = await (await tracer()).documents(id)
        return { total: entries.length, entries: entries.slice(offset, offset + limit) }
      },
      async search(id, words, limit, signal) {
        await ensureOne(id, signal)
        return (await tracer()).search(id, words, limit, signal)
      },
      async context(id, document, position, length, around) {
        await ensureOne(id, whole)
        const name = (await list()).find((datanet) => datanet.id === id)?.name ?? id
        return { datanet: { id, name }, ...(await (await tracer()).context(id, document, position, length, around)) }
      },
      async create({ name, licence }) {
        const chain = await wallet.wallet()
        const id = await chain.contributor.createDatanet({ name, licence, description: '', open: true, reviewed: false })
        const made = (await chain.datanets.list()).find((listed) => listed.id === id)
        if (made !== undefined) return summary(made)
        throw new OpenChatError('rpc_stale', 'The datanet was created, but the node does not show it yet.', { action: 'Reload the list.' })
      },
      async preview(draft) {
        await Promise.all([...new Set([...served.keys(), draft.datanet])].map((id) => ensureOne(id, whole)))
        const { text, changes, tokens, duplicates } = await prepared(draft)
        return { characters: text.length, tokens: tokens.length, excerpt: text.slice(0, 400), changes, duplicates }
      },
      async unfinished(id) {
        const plans = (await (await wallet.maybe())?.contributor.unfinished()) ?? []
        return plans
          .filter(({ datanet }) => String(datanet) === id)
          .flatMap(({ documents }) => documents.map(({ facts, text }) => ({ datanet: id, ...facts, text })))
      },
      contribute,
    },
  }
}

function offeredSummary({
  id,
  name,
  description,
  licence,
  samples,
  contributors,
  documents,
  tokens,
  head,
}: CatalogueDatanet): DatanetSummary {
  return { id, name, description, licence, samples, contributors, documents, tokens, commitment: head, assurance: null }
}

const OUTAGE = ['rpc_unreachable', 'rpc_timeout', 'rpc_stale', 'da_unreachable', 'da_missing']
const isOutage = (error: unknown) => error instanceof OpenChatError && OUTAGE.includes(error.code)

/** The chain keeps a licence's hash; the page knows the names it offers. */
async function licenceName(hash: Hex): Promise<string> {
  const { nameHash } = await import('../../wallet/licences.ts')
  return strings.licences.find((name) => nameHash(name) === hash) ?? `licence ${hash.slice(0, 10)}…`
}
