// A fake datanet room for the page's specs and for work on its looks: datanets in memory, stages by a clock, exports of a few
// lines. What it keeps true: who may do what, what waits is in no list until it is accepted, withdrawn texts are not found.
// `datanets=rich` adds one that this account curates, with work waiting, and one by grant of somebody else. A title with
// "outage" fails once while it is published.
import type { DocumentEntry, Hex } from '../../attribution/types.ts'
import { OpenChatError } from '../../errors.ts'
import type {
  AccessRequest,
  Assurance,
  ContributionUse,
  DatanetService,
  DatanetSummary,
  IntakeBatch,
  OwnContribution,
  QueuedSubmission,
  UnfinishedContribution,
} from '../services.ts'
import type { FakeDocument } from './ports.ts'

const COMMITMENT: Hex = `0x${'1d'.repeat(32)}`
const ME: Hex = `0x${'51ab'.repeat(10)}`
const OTHER: Hex = `0x${'b2'.repeat(20)}`
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

type Chain = NonNullable<DatanetSummary['chain']>
type Texts = IntakeBatch['documents']
interface FakeNet {
  summary: DatanetSummary
  asked: AccessRequest[]
  queue: (QueuedSubmission & { texts: Texts })[]
  withdrawn: Set<number>
}

export function fakeDatanets(query: URLSearchParams, documents: FakeDocument[], assurance: Assurance | null): DatanetService {
  const rich = query.get('datanets') === 'rich'
  const nets = new Map<string, FakeNet>(
    [publicSpeech(assurance), ...(rich ? richNets(assurance) : [])].map((net): [string, FakeNet] => [net.summary.id, net]),
  )
  if (rich) documents.push(...richDocuments())
  const plans = new Map<string, { plan: UnfinishedContribution; texts: Texts }>()
  let failed = false

  function net(id: string): FakeNet {
    const found = nets.get(id)
    if (found !== undefined) return found
    throw new OpenChatError('datanet_unknown', `The chain has no datanet ${id}.`)
  }
  function change(id: string, to: Partial<DatanetSummary>, chain: Partial<Chain> = {}): void {
    const held = net(id)
    const { summary } = held
    held.summary = { ...summary, ...to, chain: summary.chain && { ...summary.chain, ...chain } }
  }
  const entriesOf = (id: string) => documents.filter((d) => d.datanet === id)

  /** Takes texts in as the next contribution. */
  function append(id: string, contributor: Hex, texts: Texts): number {
    const { summary } = net(id)
    const contribution = summary.chain?.contributions ?? 0
    for (const { facts, text, tokens } of texts) {
      const document = entriesOf(id).length
      const entry: DocumentEntry = { document, contribution, contributor, ...facts, order: document, tokens: tokens.length }
      documents.push({ datanet: id, document, entry, text })
    }
    const sum = texts.reduce((total, { tokens }) => total + tokens.length, 0)
    const grown = { documents: summary.documents + texts.length, tokens: summary.tokens + sum, contributors: summary.contributors + 1 }
    change(id, grown, { contributions: contribution + 1, quietBlocks: 0 })
    return contribution
  }

  function settle(id: string, number: number, to: Partial<QueuedSubmission>): FakeNet['queue'][number] {
    const held = net(id).queue[number]
    if (held?.verdict !== 'waiting')
      throw new OpenChatError('submission_settled', 'This submission no longer waits.', { action: 'Reload the queue.' })
    Object.assign(held, to)
    change(id, {}, { waiting: net(id).queue.filter(({ verdict }) => verdict === 'waiting').length })
    return held
  }

  const service: DatanetService = {
    list: async () => [...nets.values()].map(({ summary }) => summary),
    async contributors(id) {
      const rows = entriesOf(id).map((d) => d.entry)
      return [...new Set(rows.map((r) => r.author))].map((author) => {
        const theirs = rows.filter((r) => r.author === author)
        return { account: theirs[0]!.contributor, author, documents: theirs.length, tokens: theirs.reduce((n, r) => n + r.tokens, 0) }
      })
    },
    async documents(id, offset, limit) {
      const entries = entriesOf(id).map(({ entry }) => ({ ...entry, withdrawn: net(id).withdrawn.has(entry.contribution) }))
      return { total: entries.length, entries: entries.slice(offset, offset + limit) }
    },
    search: async (id, words, limit) =>
      entriesOf(id)
        .filter((d) => d.text.includes(words) && !net(id).withdrawn.has(d.entry.contribution))
        .slice(0, limit)
        .map(({ document, entry, text }) => {
          const at = text.indexOf(words)
          const start = Math.max(0, at - 60)
          return { document, entry, snippet: text.slice(start, at + 120), from: at - start, to: at - start + words.length }
        }),
    async context(id, document, position, length, around) {
      const found = entriesOf(id).find((d) => d.document === document)
      if (found === undefined) throw new OpenChatError('datanet_unknown', `Datanet ${id} has no document ${document}.`)
      const words = found.text.split(' ')
      const from = Math.min(position, words.length)
      return {
        datanet: { id, name: net(id).summary.name },
        entry: found.entry,
        before: words.slice(Math.max(0, from - around), from).join(' '),
        text: words.slice(from, from + length).join(' '),
        after: ` ${words.slice(from + length, from + length + around).join(' ')}`,
        commitment: COMMITMENT,
      }
    },
    async create({ name, description, licence, open, reviewed }) {
      const summary = made(String(nets.size + 1), { name, description, licence, open, reviewed, curator: ME, access: 'curator', assurance })
      nets.set(summary.id, { summary, asked: [], queue: [], withdrawn: new Set() })
      return summary
    },
    describe: async (id, description) => change(id, { description }),
    async askAccess(id, note) {
      net(id).asked.push({ account: ME, access: 'asked', note, reason: '' })
      change(id, {}, { access: 'asked' })
    },
    requests: async (id) => net(id).asked.map((request) => ({ ...request })),
    async setAccess(id, account, allowed, reason) {
      const held = net(id).asked.find((request) => request.account === account)
      const access = allowed ? 'granted' : held?.access === 'granted' ? 'revoked' : 'refused'
      if (held === undefined) net(id).asked.push({ account, access, note: '', reason })
      else Object.assign(held, { access, reason })
      change(id, {}, { asking: net(id).asked.filter((request) => request.access === 'asked').length })
    },
    queue: async (id) => net(id).queue.map(({ texts: _, ...submission }) => submission),
    async submission(id, number) {
      const { texts } = net(id).queue[number]!
      const faulty = texts.some(({ text }) => text.includes('forged'))
      return {
        documents: texts.map(({ facts, text }) => ({ ...facts, text })),
        fault: faulty ? 'The published texts hash to 0x12345678…, the submission commits to 0x87654321…: they cannot be indexed.' : null,
        duplicates: texts.some(({ text }) => text.includes('copied'))
          ? [{ title: texts[0]!.facts.title, datanet: '1', heldBy: 'State of the Union 1915', share: 0.62 }]
          : [],
      }
    },
    async accept(id, number) {
      const { texts, author } = settle(id, number, { verdict: 'accepted' })
      append(id, author, texts)
    },
    refuse: async (id, number, reason, sentence) => void settle(id, number, { verdict: 'refused', reason, sentence }),
    retract: async (id, number) => void settle(id, number, { verdict: 'retracted' }),
    async withdraw(id, contribution) {
      net(id).withdrawn.add(contribution)
      change(id, {}, { withdrawn: net(id).withdrawn.size })
    },
    async *contribute(id, _, batches, signal) {
      const keys: string[] = []
      yield { stage: 'prepare', state: 'running', part: 1, parts: 1 }
      for await (const { documents: texts, tokens } of batches) {
        const key = crypto.randomUUID()
        const plan = { key, datanet: id, documents: texts.length, tokens, title: texts[0]!.facts.title }
        plans.set(key, { plan, texts })
        keys.push(key)
      }
      yield { stage: 'prepare', state: 'done', part: 1, parts: 1 }
      yield* service.resume(keys, signal)
    },
    unfinished: async (id) => [...plans.values()].map(({ plan }) => plan).filter(({ datanet }) => datanet === id),
    async *resume(keys, signal) {
      const begun = keys.flatMap((key) => plans.get(key) ?? [])
      if (begun.length === 0) return
      const id = begun[0]!.plan.datanet
      const { chain } = net(id).summary
      if (chain !== null && !['curator', 'open', 'granted'].includes(chain.access)) {
        throw new OpenChatError(
          'not_member',
          'This datanet takes contributions from those its curator has let in, and you are not one of them.',
        )
      }
      const queued = chain?.reviewed === true && chain.access !== 'curator'
      const contributions: number[] = []
      for (const [i, { plan, texts }] of begun.entries()) {
        const part = { part: i + 1, parts: begun.length }
        for (const stage of ['commit', 'da', 'reveal', ...(queued ? [] : ['index' as const])] as const) {
          yield { stage: stage as 'commit', state: 'running', ...part }
          await pause(plan.title.includes('slow') ? 800 : 100)
          if (signal.aborted) throw new OpenChatError('cancelled', 'The contribution was stopped.')
          if (stage === 'da' && plan.title.includes('outage') && !failed) {
            failed = true
            throw new OpenChatError('da_unreachable', 'The data-availability server did not serve.', {
              action: 'Try again; nothing is lost.',
            })
          }
          yield { stage: stage as 'commit', state: 'done', ...part }
        }
        contributions.push(queued ? enqueue(net(id), texts) : append(id, ME, texts))
        plans.delete(plan.key)
      }
      if (queued) change(id, {}, { waiting: net(id).queue.filter(({ verdict }) => verdict === 'waiting').length })
      const sum = (of: 'documents' | 'tokens') => begun.reduce((total, { plan }) => total + plan[of], 0)
      const proof = { commitment: COMMITMENT, transaction: `0x${'7a'.repeat(32)}` as Hex }
      yield { stage: 'finished', datanet: id, contributions, queued, documents: sum('documents'), tokens: sum('tokens'), ...proof }
    },
    async discard(keys) {
      for (const key of keys) plans.delete(key)
    },
    async mine() {
      const list: OwnContribution[] = []
      for (const [id, { summary, queue, withdrawn }] of nets) {
        const datanet = { id, name: summary.name }
        const own = entriesOf(id).filter(({ entry }) => entry.contributor === ME)
        for (const number of new Set(own.map(({ entry }) => entry.contribution))) {
          const held = own.filter(({ entry }) => entry.contribution === number).map(({ entry }) => entry)
          const sum = { documents: held.length, tokens: held.reduce((n, { tokens }) => n + tokens, 0), licence: held[0]!.licence }
          const state = withdrawn.has(number) ? 'withdrawn' : 'accepted'
          const uses = rich && id === '2' ? [use(2, 3_000_000_000_000n), use(1, 2_000_000_000_000n)] : []
          list.push({ datanet, state, number, ...sum, titles: held.map(({ title }) => title), reason: null, sentence: '', uses })
        }
        for (const { number, author, verdict, texts, ...rest } of queue) {
          if (author !== ME || verdict === 'accepted') continue
          list.push({ datanet, state: verdict, number, ...rest, titles: texts.map(({ facts }) => facts.title), uses: [] })
        }
      }
      return { list, assurance: assurance ?? { level: 'unverified', label: 'no chain' }, unread: [] }
    },
    watchUses(listener) {
      const timer = setTimeout(() => rich && query.has('used') && listener([use(2, 3_000_000_000_000n)]), 300)
      return () => clearTimeout(timer)
    },
    async export(id, format, progress, signal) {
      const offered = entriesOf(id).filter(({ entry }) => !net(id).withdrawn.has(entry.contribution))
      for (const [i] of offered.entries()) {
        await pause(30)
        signal.throwIfAborted()
        progress(i + 1, offered.length)
      }
      const lines = offered.map(({ entry, text }) => `${JSON.stringify({ title: entry.title, text })}\n`)
      const ending = { jsonl: '.jsonl', parquet: '.parquet', card: '.md' }[format]
      return new File(format === 'card' ? [`# ${net(id).summary.name}\n`] : lines, `${net(id).summary.name.toLowerCase()}${ending}`)
    },
  }
  return service
}

function enqueue({ queue, summary }: FakeNet, texts: Texts, author = ME): number {
  const sum = { documents: texts.length, tokens: texts.reduce((n, { tokens }) => n + tokens.length, 0) }
  const number = queue.length
  queue.push({ number, author, ...sum, licence: summary.licence, verdict: 'waiting', reason: null, sentence: '', texts })
  return number
}

const use = (batch: number, amount: bigint): ContributionUse => ({
  receiptId: `0x${String(batch).repeat(64)}`,
  batch,
  at: 1_760_000_000 + batch,
  datanet: '2',
  contribution: 0,
  quotes: 1,
  tokens: 14,
  amount,
  paid: batch === 1,
})

type Shape = Pick<DatanetSummary, 'name' | 'description' | 'licence' | 'assurance'> &
  Pick<Chain, 'open' | 'reviewed' | 'curator' | 'access'>

function made(id: string, { name, description, licence, assurance, ...rules }: Shape): DatanetSummary {
  const counts = { contributors: 0, documents: 0, tokens: 0 }
  const work = { asking: 0, waiting: 0, contributions: 0, withdrawn: 0, quietBlocks: null }
  return {
    id,
    name,
    description,
    licence,
    ...counts,
    commitment: `0x${'00'.repeat(32)}`,
    assurance,
    samples: [],
    chain: { ...rules, ...work },
  }
}

function publicSpeech(assurance: Assurance | null): FakeNet {
  const rules = { open: true, reviewed: false, curator: OTHER, access: 'open' as const }
  const named = { name: 'Public speech', licence: 'Public domain', assurance }
  const description = 'Every State of the Union address since 1790, each credited to the president who gave it.'
  const summary = made('1', { ...named, description, ...rules })
  const samples = [
    'Why does the country need a strong navy?',
    'What is the Monroe Doctrine about?',
    'Show me markdown with a table and code',
  ]
  const counts = { contributors: 43, documents: 233, tokens: 2_123_981, commitment: COMMITMENT, samples }
  const chain = assurance === null ? null : { ...summary.chain!, contributions: 43, quietBlocks: 120 }
  return { summary: { ...summary, ...counts, chain }, asked: [], queue: [], withdrawn: new Set() }
}

const BEES = 'A hive in winter eats its honey slowly, and the cluster keeps its middle warm by shivering.'

function richDocuments(): FakeDocument[] {
  const facts = { author: 'Ada Keeper', title: 'Winter notes', year: 2024, licence: 'CC-BY-4.0' }
  const entry = { document: 0, contribution: 0, contributor: ME, order: 90, tokens: 17, ...facts }
  return [{ datanet: '2', document: 0, entry, text: BEES }]
}

function richNets(assurance: Assurance | null): FakeNet[] {
  const bees = made('2', {
    name: 'Beekeeping',
    description: 'Field notes and hive logs from keepers, one season a text.',
    licence: 'CC-BY-4.0',
    open: false,
    reviewed: true,
    curator: ME,
    access: 'curator',
    assurance,
  })
  const counted = { contributors: 1, documents: 1, tokens: 17, commitment: COMMITMENT }
  const work = { contributions: 1, quietBlocks: 8, asking: 1, waiting: 2 }
  const curated: FakeNet = {
    summary: { ...bees, ...counted, chain: { ...bees.chain!, ...work } },
    asked: [{ account: OTHER, access: 'asked', note: 'I have kept bees on the heath since 2009.', reason: '' }],
    queue: [],
    withdrawn: new Set(),
  }
  const text = (title: string, body: string): Texts => [
    { id: title, facts: { author: 'Ines Halvorsen', licence: 'CC-BY-4.0', title, year: 2025 }, text: body, tokens: new Uint16Array(24) },
  ]
  enqueue(
    curated,
    text('Swarms in May', 'A swarm hangs quiet in the pear tree until scouts agree on a hollow, and some of it is copied.'),
    OTHER,
  )
  enqueue(curated, text('A forged log', 'These words were forged after they were committed to, and no index would take them.'), OTHER)
  const granted = made('3', {
    name: 'Case notes',
    description: 'Notes of a legal clinic, by grant.',
    licence: 'CC0-1.0',
    open: false,
    reviewed: true,
    curator: OTHER,
    access: 'none',
    assurance,
  })
  return [curated, { summary: granted, asked: [], queue: [], withdrawn: new Set() }]
}
