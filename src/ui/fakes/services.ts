// The services of the page over the fakes of ports.ts, chosen by `?fake` in builds that are not for people.
// Knobs in the query: those of fakes/engine.ts, `ms` a token, `chain=none`, `verify=bad`, `window` in ms.
// Conversations are kept for real, in IndexedDB, so that reloads can be tested.
import type { DocumentEntry, Hex } from '../../attribution/types.ts'
import { answer, measure } from '../../chat/answer.ts'
import type { Conversation } from '../../chat/conversation.ts'
import { conversationStore } from '../../chat/conversation-store.ts'
import type { ReceiptState } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import { openPayment } from '../ports/payment.ts'
import { type Told, told } from '../ports/told.ts'
import type { Assurance, DatanetSummary, ReceiptSummary, Services, VerifyStep } from '../services.ts'
import { fakeEngineService } from './engine.ts'
import { fakeIntake } from './intake.ts'
import { type FakeDocument, FEE, fakeEngine, fakeLedger, fakeTracer } from './ports.ts'
import { earlierReceipts, fakeBatch } from './receipts.ts'
import { fakeWalletDesk } from './wallet.ts'

const PINNED: Assurance = { level: 'pinned', label: 'proven against devnet header 128' }
const COMMITMENT: Hex = `0x${'1d'.repeat(32)}`
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function createFakeServices(query: URLSearchParams): Services {
  const ms = Number(query.get('ms') ?? 30)
  const noChain = query.get('chain') === 'none'
  const documents = seedDocuments()
  const datanets: DatanetSummary[] = [
    {
      id: '1',
      name: 'Public speech',
      description: 'Every State of the Union address since 1790, each credited to the president who gave it.',
      licence: 'Public domain',
      contributors: 43,
      documents: 233,
      tokens: 2_123_981,
      commitment: COMMITMENT,
      assurance: noChain ? null : PINNED,
      samples: ['Why does the country need a strong navy?', 'What is the Monroe Doctrine about?', 'Show me markdown with a table and code'],
    },
  ]
  const states = new Map<Hex, Told<ReceiptState>>()
  const kept = new Map<Hex, ReceiptSummary>()
  const change = (id: Hex, state: ReceiptState) => {
    const known = states.get(id)
    if (known) known.set(state)
    else states.set(id, told(state))
  }
  const tracer = fakeTracer(() => documents)
  const ledger = fakeLedger(Number(query.get('window') ?? 6000), change)
  const { desk, service: wallet, keys } = fakeWalletDesk(query, FEE, PINNED, ledger)
  for (const earlier of earlierReceipts(Number(query.get('receipts') ?? 0), FEE)) {
    kept.set(earlier.id, earlier)
    change(earlier.id, earlier.state)
  }

  const entryOf = (datanet: string, document: number): FakeDocument => {
    const found = documents.find((d) => d.datanet === datanet && d.document === document)
    if (found === undefined) throw new OpenChatError('datanet_unknown', `Datanet ${datanet} has no document ${document}.`)
    return found
  }

  return {
    engine: fakeEngineService(query),
    async *ask(request, signal) {
      const spoken = { ...request, quotingAdapters: { '1': 'feed' } }
      const payment = await openPayment(desk, request.payContributors, FEE)
      const paying = payment.ledger === null ? {} : { ledger: payment.ledger }
      for await (const event of answer(spoken, { engine: fakeEngine(ms), tracer, ...paying }, signal)) {
        if (event.type === 'signed') {
          payment.signed()
          const { id } = event.receipt
          const { answer: said, prompt } = event.request
          const text = { excerpt: said.slice(0, 80), text: `${said}\n${prompt}` }
          kept.set(id, { id, fee: FEE, at: Date.now(), ...text, datanets: ['1'], state: { state: 'signed' }, trouble: null, retryAt: null })
        }
        yield event
      }
      await payment.release()
      await payment.close()
    },
    measure: (request) => measure({ ...request, quotingAdapters: { '1': 'feed' } }, fakeEngine(ms)),
    conversations: conversationStore(indexedDbRecords().open<Conversation>('fake-conversations')),
    datanets: {
      list: async () => [...datanets],
      contributors: async (datanet) => {
        const rows = documents.filter((d) => d.datanet === datanet).map((d) => d.entry)
        return [...new Set(rows.map((r) => r.author))].map((author) => {
          const theirs = rows.filter((r) => r.author === author)
          return { account: theirs[0].contributor, author, documents: theirs.length, tokens: theirs.reduce((n, r) => n + r.tokens, 0) }
        })
      },
      documents: async (datanet, offset, limit) => {
        const entries = documents.filter((d) => d.datanet === datanet).map((d) => d.entry)
        return { total: entries.length, entries: entries.slice(offset, offset + limit) }
      },
      search: async (datanet, words, limit) =>
        documents
          .filter((d) => d.datanet === datanet && d.text.includes(words))
          .slice(0, limit)
          .map((d) => {
            const at = d.text.indexOf(words)
            const start = Math.max(0, at - 60)
            return {
              document: d.document,
              entry: d.entry,
              snippet: d.text.slice(start, at + 120),
              from: at - start,
              to: at - start + words.length,
            }
          }),
      context: async (datanet, document, position, length, around) => {
        const { entry, text } = entryOf(datanet, document)
        const words = text.split(' ')
        const from = Math.min(position, words.length)
        return {
          datanet: { id: datanet, name: datanets.find((d) => d.id === datanet)?.name ?? datanet },
          entry,
          before: words.slice(Math.max(0, from - around), from).join(' '),
          text: words.slice(from, from + length).join(' '),
          after: ` ${words.slice(from + length, from + length + around).join(' ')}`,
          commitment: COMMITMENT,
        }
      },
      create: async ({ name, licence }) => {
        const made = {
          id: String(datanets.length + 1),
          name,
          description: '',
          licence,
          contributors: 0,
          documents: 0,
          tokens: 0,
          commitment: `0x${'00'.repeat(32)}` as Hex,
          assurance: PINNED,
          samples: [],
        }
        datanets.push(made)
        return made
      },
      preview: async (draft) => {
        if (draft.text.trim() === '')
          throw new OpenChatError('contribution_empty', 'There is no text to contribute.', { action: 'Paste some text first.' })
        if (draft.text.includes('\0'))
          throw new OpenChatError('contribution_binary', 'This is not text.', { action: 'Choose a text file.' })
        const double = documents.find((d) => d.text === draft.text.trim())
        return {
          characters: draft.text.length,
          tokens: draft.text.split(/\s+/).length,
          excerpt: draft.text.trim().slice(0, 160),
          changes: draft.text === draft.text.trim() ? [] : ['Blank space at the ends was removed.'],
          duplicates: double
            ? [{ datanet: double.datanet, document: double.document, title: double.entry.title, author: double.entry.author, share: 1 }]
            : [],
        }
      },
      unfinished: async () => [],
      async *contribute(draft) {
        for (const stage of ['prepare', 'commit', 'da', 'reveal', 'index'] as const) {
          yield { stage, state: 'running' }
          await pause(150)
          yield { stage, state: 'done' }
        }
        const text = draft.text.trim()
        const document = documents.filter((d) => d.datanet === draft.datanet).length
        const tokens = text.split(/\s+/).length
        const entry = {
          ...entryFor(document, draft.author, draft.title, draft.year, `0x${'51ab'.repeat(10)}`),
          licence: draft.licence,
          tokens,
        }
        documents.push({ datanet: draft.datanet, document, entry, text })
        const at = datanets.findIndex((d) => d.id === draft.datanet)
        const before = datanets[at]
        datanets[at] = { ...before, documents: before.documents + 1, contributors: before.contributors + 1, tokens: before.tokens + tokens }
        yield {
          stage: 'finished',
          datanet: draft.datanet,
          contribution: document,
          documents: 1,
          tokens,
          commitment: COMMITMENT,
          transaction: `0x${'7a'.repeat(32)}`,
        }
      },
    },
    intake: fakeIntake(),
    receipts: {
      list: async () =>
        [...kept].map(([id, note]) => ({ ...note, state: states.get(id)?.value ?? note.state })).sort((a, b) => b.at - a.at),
      changed: (listener) => {
        const timer = setInterval(listener, 1000)
        return () => clearInterval(timer)
      },
      async retry() {
        for (const [id, note] of kept) {
          if (note.trouble === null) continue
          kept.set(id, { ...note, trouble: null, retryAt: null })
          change(id, { state: 'posted', batch: 7, finalAt: Math.floor(Date.now() / 1000) + 3600 })
        }
      },
      batch: async (batch) => fakeBatch(batch, PINNED),
      watch(id, listener) {
        if (!states.has(id)) change(id, { state: 'final', batch: 4 })
        return states.get(id)!.subscribe((state) => listener(state, PINNED))
      },
      async *verify(source, signal) {
        if ('file' in source && !source.file.includes('{')) {
          throw new OpenChatError('receipt_invalid', 'This is not a receipt of Open Chat.', { action: 'Paste the whole file.' })
        }
        for (const step of fakeSteps(query.get('verify') === 'bad')) {
          signal.throwIfAborted()
          yield { ...step, status: 'pending', detail: '', ms: 0 }
          await pause(60)
          yield step
        }
      },
      exportFile: async (id) => JSON.stringify({ receipt: id }, null, 1),
    },
    wallet,
    keys,
  }
}

function fakeSteps(bad: boolean): VerifyStep[] {
  const values = [{ name: 'headAt[1][43]', value: COMMITMENT, assurance: PINNED }]
  const failed = { status: 'failed' as const, detail: 'The count of span 2 is wrong.', expected: '2 occurrences', got: '7 occurrences' }
  return [
    { id: 'encoding', title: 'Encoding', level: 'public', status: 'ok', detail: '412 bytes, canonical.', ms: 0.3 },
    { id: 'signature', title: 'Signature', level: 'public', status: 'ok', detail: 'Signed by 0x51ab…51ab.', ms: 4 },
    {
      id: 'commitments',
      title: 'Index commitments',
      level: 'public',
      status: 'ok',
      detail: 'The index here is the one the chain names.',
      ms: 12,
      values,
    },
    { id: 'answer', title: 'Answer root', level: 'owner', status: 'ok', detail: '64 salted leaves.', ms: 2 },
    {
      id: 'count',
      title: 'Counts',
      level: 'public',
      status: 'ok',
      detail: 'Every span occurs as often as stated.',
      ms: 9,
      ...(bad ? failed : {}),
    },
    { id: 'shares', title: 'Shares', level: 'public', status: 'ok', detail: 'They sum to the fee.', ms: 1 },
  ]
}

function entryFor(document: number, author: string, title: string, year: number | null, contributor: Hex): DocumentEntry {
  return { document, contribution: document, contributor, author, title, year, licence: 'Public domain', order: document, tokens: 60 }
}

function seedDocuments(): FakeDocument[] {
  const wilson =
    'It has been said that we are a peaceful people. We have always looked to the navy of the country as our first and chief line of defense. We have always seen it to be our manifest course of prudence to be strong on the seas. No thoughtful man feels any panic haste in this matter.'
  const roosevelt =
    'The Monroe Doctrine should be the cardinal feature of the foreign policy of all the nations of the two Americas, as it is of the United States. Just seventy-eight years have passed since it was announced. We have always seen it to be our manifest course of prudence to be strong on the seas.'
  return [
    {
      datanet: '1',
      document: 0,
      entry: entryFor(0, 'Woodrow Wilson', 'State of the Union 1915', 1915, `0x${'a1'.repeat(20)}`),
      text: wilson,
    },
    {
      datanet: '1',
      document: 1,
      entry: entryFor(1, 'Theodore Roosevelt', 'State of the Union 1901', 1901, `0x${'b2'.repeat(20)}`),
      text: roosevelt,
    },
  ]
}
