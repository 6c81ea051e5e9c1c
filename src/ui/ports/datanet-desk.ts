// Datanets as the page sees them: those of the catalogue at once, those of the chain with proof, their contents through the
// attribution worker. A datanet is fetched when it is first needed, and brought up to the chain's head each time. What is done
// to them (contributing, curating, one's own texts, exports) is in the files beside this one.
// Invariants: a chain that does not answer hides no datanet that is here already, and shows no commitment as proven; what was
// withdrawn by its author is told to the worker before anything is retrieved or searched.
import type { Hex } from '../../attribution/types.ts'
import { OpenChatError } from '../../errors.ts'
import type { DatanetHistory } from '../../wallet/datanet-journal.ts'
import type { Proven } from '../../wallet/light-client/client.ts'
import type { Wallet } from '../../wallet/wallet.ts'
import type { AttributionWorker } from '../../workers/attribution-api.ts'
import type { RemoteApi } from '../../workers/rpc.ts'
import type { Assurance, DatanetAccess, DatanetService, DatanetSummary } from '../services.ts'
import { strings } from '../strings.ts'
import type { Catalogue, CatalogueDatanet } from './catalogue.ts'
import { contributionDesk } from './contribution-desk.ts'
import { curationDesk } from './curation-desk.ts'
import { exportDesk } from './datanet-file.ts'
import { ownContributions } from './own-contributions.ts'
import type { WalletDesk } from './wallet-desk.ts'

export interface DatanetDesk {
  service: DatanetService
  /** Fetches what is missing of these datanets and adds what the chain has beyond. */
  ensure(ids: readonly string[], signal: AbortSignal): Promise<void>
  /** As `ensure`, but what cannot be fetched now (no network) is left out as long as one of them is here. */
  ensureSome(ids: readonly string[], signal: AbortSignal): Promise<void>
}

export interface DatanetPorts {
  catalogue: Catalogue
  /** Opened attribution worker. */
  tracer(): Promise<RemoteApi<AttributionWorker>>
  wallet: WalletDesk
}

/** What the desks of this folder share. */
export interface DatanetDeskPorts {
  tracer: DatanetPorts['tracer']
  wallet(): Promise<Wallet>
  maybe(): Promise<Wallet | null>
  ensure(id: string, signal: AbortSignal): Promise<void>
  licenceName(hash: Hex): Promise<string>
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
    // Before the texts: a withdrawal holds even while one of them cannot be fetched.
    const withdrawn = contributions.filter((held) => held.withdrawn).map(({ index }) => index)
    await api.setWithdrawn(id, withdrawn)
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
  async function chainList(): Promise<{ chain: Wallet; listed: Proven<DatanetHistory[]> } | null> {
    const chain = await wallet.maybe()
    if (chain === null) return null
    const listed = await chain.datanets.list().catch((error: unknown) => {
      if (isOutage(error)) return null
      throw error
    })
    return listed && { chain, listed }
  }

  async function summaries(chain: Wallet, listed: Proven<DatanetHistory[]>): Promise<DatanetSummary[]> {
    const { labelled } = await import('../../wallet/chain-values.ts')
    const assurance = labelled(listed).assurance as Assurance
    return listed.value.map((net) => summary(net, chain.address, served.get(String(net.id)), assurance, Number(listed.anchor.block)))
  }

  async function list(): Promise<DatanetSummary[]> {
    const found = await chainList()
    return found === null ? catalogue.datanets.map(offeredSummary) : summaries(found.chain, found.listed)
  }

  /** The chain keeps a licence's hash; names are those of the datanets and those that the page offers. */
  async function licenceName(hash: Hex): Promise<string> {
    const { nameHash } = await import('../../wallet/licences.ts')
    const named = (await chainList())?.listed.value.map(({ licence }) => licence) ?? []
    return [...strings.licences, ...named].find((name) => nameHash(name) === hash) ?? `licence ${hash.slice(0, 10)}…`
  }

  /** Brought up to date; false for a datanet that holds nothing yet, of which the worker knows nothing. */
  async function filled(id: string, signal: AbortSignal): Promise<boolean> {
    await ensureOne(id, signal)
    return (await (await tracer()).datanets()).some((facts) => facts.id === id)
  }

  const whole = new AbortController().signal
  const ports: DatanetDeskPorts = { tracer, wallet: wallet.wallet, maybe: wallet.maybe, ensure: ensureOne, licenceName }
  return {
    async ensure(ids, signal) {
      for (const id of ids) await ensureOne(id, signal)
    },
    async ensureSome(ids, signal) {
      const failures: unknown[] = []
      for (const id of ids) {
        await ensureOne(id, signal).catch((error: unknown) => {
          if (!(error instanceof OpenChatError) || error.code !== 'download_failed') throw error
          failures.push(error)
        })
      }
      if (failures.length > 0 && failures.length === ids.length) throw failures[0]
    },
    service: {
      list,
      async contributors(id) {
        if (!(await filled(id, whole))) return []
        const rows = new Map<string, { account: Hex; author: string; documents: number; tokens: number }>()
        for (const { contributor, author, tokens } of await (await tracer()).documents(id)) {
          const row = rows.get(`${contributor} ${author}`) ?? { account: contributor, author, documents: 0, tokens: 0 }
          rows.set(`${contributor} ${author}`, { ...row, documents: row.documents + 1, tokens: row.tokens + tokens })
        }
        return [...rows.values()]
      },
      async documents(id, offset, limit) {
        if (!(await filled(id, whole))) return { total: 0, entries: [] }
        const entries = await (await tracer()).documents(id)
        const contributions = (await chainList())?.listed.value.find((net) => String(net.id) === id)?.contributions ?? []
        const shown = entries.slice(offset, offset + limit)
        const marked = shown.map((entry) => ({ ...entry, withdrawn: contributions[entry.contribution]?.withdrawn ?? false }))
        return { total: entries.length, entries: marked }
      },
      async search(id, words, limit, signal) {
        return (await filled(id, signal)) ? (await tracer()).search(id, words, limit, signal) : []
      },
      async context(id, document, position, length, around) {
        await ensureOne(id, whole)
        const name = (await list()).find((datanet) => datanet.id === id)?.name ?? id
        return { datanet: { id, name }, ...(await (await tracer()).context(id, document, position, length, around)) }
      },
      async create(datanet) {
        const chain = await wallet.wallet()
        const id = await chain.contributor.createDatanet(datanet)
        const made = (await summaries(chain, await chain.datanets.list())).find((listed) => listed.id === String(id))
        if (made !== undefined) return made
        throw new OpenChatError('rpc_stale', 'The datanet was created, but the node does not show it yet.', { action: 'Reload the list.' })
      },
      ...contributionDesk(ports),
      ...curationDesk(ports),
      ...ownContributions(ports),
      export: exportDesk(ports),
    },
  }
}

function summary(
  net: DatanetHistory,
  account: Hex,
  offered: CatalogueDatanet | undefined,
  assurance: Assurance,
  block: number,
): DatanetSummary {
  const { curator, open, reviewed, contributions } = net
  const last = contributions.at(-1)
  return {
    id: String(net.id),
    name: net.name,
    description: net.description || (offered?.description ?? ''),
    licence: net.licence,
    contributors: new Set(contributions.map(({ author }) => author)).size,
    documents: contributions.reduce((sum, { documents }) => sum + documents, 0),
    tokens: contributions.reduce((sum, { tokens }) => sum + tokens, 0),
    commitment: net.head,
    assurance,
    samples: offered?.samples ?? [],
    chain: {
      curator,
      open,
      reviewed,
      access: accessOf(net, account.toLowerCase() as Hex),
      asking: [...net.access.values()].filter(({ access }) => access === 'asked').length,
      waiting: net.submissions.filter(({ verdict }) => verdict === 'waiting').length,
      contributions: contributions.length,
      withdrawn: contributions.filter(({ withdrawn }) => withdrawn).length,
      quietBlocks: last === undefined ? null : Math.max(0, block - last.block),
    },
  }
}

function accessOf({ curator, open, access }: DatanetHistory, account: Hex): DatanetAccess {
  if (curator === account) return 'curator'
  return open ? 'open' : (access.get(account)?.access ?? 'none')
}

function offeredSummary({ head, ...offered }: CatalogueDatanet): DatanetSummary {
  const { id, name, description, licence, samples, contributors, documents, tokens } = offered
  return { id, name, description, licence, samples, contributors, documents, tokens, commitment: head, assurance: null, chain: null }
}

const OUTAGE = ['rpc_unreachable', 'rpc_timeout', 'rpc_stale', 'da_unreachable', 'da_missing', 'datanet_unknown']
const isOutage = (error: unknown) => error instanceof OpenChatError && OUTAGE.includes(error.code)
