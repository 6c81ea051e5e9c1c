// This account's own texts: where each stands, and which answers took its words for how much, proven from the batches on chain.
// Invariant: a use is announced once in this browser, whichever tab looks first.
import { fromWire } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { DatanetHistory } from '../../wallet/datanet-journal.ts'
import type { Use } from '../../wallet/uses.ts'
import type { Wallet } from '../../wallet/wallet.ts'
import type { Assurance, ContributionUse, DatanetService, OwnContribution, RefusalReason } from '../services.ts'
import type { DatanetDeskPorts } from './datanet-desk.ts'

/** Between looks for new uses while the page is seen, ms. */
const LOOK_MS = 20_000
const TITLES = 3

const seen = (use: Use): ContributionUse => ({ ...use, datanet: String(use.datanet) })
const keyOf = ({ receiptId, datanet, contribution }: ContributionUse) => `${receiptId}:${datanet}:${contribution}`

export function ownContributions({
  tracer,
  wallet,
  maybe,
  ensure,
  licenceName,
}: DatanetDeskPorts): Pick<DatanetService, 'mine' | 'watchUses'> {
  async function titlesOf(id: string, contribution: number): Promise<string[]> {
    const documents = await (await tracer()).documents(id)
    return documents
      .filter((entry) => entry.contribution === contribution)
      .slice(0, TITLES)
      .map(({ title }) => title)
  }

  async function ofDatanet(net: DatanetHistory, account: string, uses: readonly ContributionUse[], signal: AbortSignal) {
    const datanet = { id: String(net.id), name: net.name }
    const owned: OwnContribution[] = []
    const contributions = net.contributions.filter(({ author }) => author === account)
    // Titles are told by the texts; where those cannot be had now, the rest is shown all the same.
    const here =
      contributions.length > 0 &&
      (await ensure(datanet.id, signal).then(
        () => true,
        () => false,
      ))
    for (const { index: number, documents, tokens, licence, withdrawn } of contributions) {
      owned.push({
        datanet,
        state: withdrawn ? 'withdrawn' : 'accepted',
        number,
        documents,
        tokens,
        licence: await licenceName(licence),
        titles: here ? await titlesOf(datanet.id, number).catch(() => []) : [],
        reason: null,
        sentence: '',
        uses: uses.filter((use) => use.datanet === datanet.id && use.contribution === number),
      })
    }
    for (const { number, author, documents, tokens, licence, verdict, reason, sentence } of net.submissions) {
      if (author !== account || verdict === 'accepted') continue
      const why = reason === 'none' ? null : (reason as RefusalReason)
      const named = await licenceName(licence)
      owned.push({ datanet, state: verdict, number, documents, tokens, licence: named, titles: [], reason: why, sentence, uses: [] })
    }
    return owned
  }

  /** Uses that this browser has not told of before; they count as told from here on. */
  async function untold(chain: Wallet): Promise<ContributionUse[]> {
    const { value } = await chain.uses.of(chain.address, new AbortController().signal)
    if (value.list.length === 0) return []
    const told = indexedDbRecords().open<string[]>('uses-told')
    let fresh: ContributionUse[] = []
    await told.update(`${chain.settings.deployment}:${chain.address}`, (before = []) => {
      const known = new Set(before)
      fresh = value.list.map(seen).filter((use) => !known.has(keyOf(use)))
      return [...before, ...fresh.map(keyOf)]
    })
    return fresh
  }

  return {
    async mine(signal) {
      const chain = await wallet()
      const [{ value: nets }, uses] = await Promise.all([chain.datanets.list(), chain.uses.of(chain.address, signal)])
      const { labelled } = await import('../../wallet/chain-values.ts')
      const account = chain.address.toLowerCase()
      const told = uses.value.list.map(seen)
      const list = []
      for (const net of nets) list.push(...(await ofDatanet(net, account, told, signal)))
      const unread = uses.value.unread.map(({ batch, error }) => ({ batch, error: fromWire(error) }))
      return { list, assurance: labelled(uses).assurance as Assurance, unread }
    },
    watchUses(listener) {
      let stopped = false
      const look = async () => {
        const chain = document.visibilityState === 'visible' ? await maybe() : null
        // Nothing is announced that cannot be proven now; the next look may.
        const fresh = chain === null ? [] : await untold(chain).catch(() => [])
        if (!stopped && fresh.length > 0) listener(fresh)
      }
      const timer = setInterval(() => void look(), LOOK_MS)
      return () => {
        stopped = true
        clearInterval(timer)
      }
    },
  }
}
