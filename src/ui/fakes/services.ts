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
import { pdfText } from '../ports/pdf-text.ts'
import { type Told, told } from '../ports/told.ts'
import type { Assurance, ReceiptSummary, Services, VerifyStep } from '../services.ts'
import { fakeDatanets } from './datanets.ts'
import { fakeEngineService } from './engine.ts'
import { fakeIntake } from './intake.ts'
import { fakeModels } from './models.ts'
import { type FakeDocument, FEE, fakeEngine, fakeLedger, fakeTracer } from './ports.ts'
import { earlierReceipts, fakeBatch } from './receipts.ts'
import { fakeReplay } from './replay.ts'
import { fakeWalletDesk } from './wallet.ts'

const PINNED: Assurance = { level: 'pinned', label: 'proven against devnet header 128' }
const COMMITMENT: Hex = `0x${'1d'.repeat(32)}`
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function createFakeServices(query: URLSearchParams): Services {
  const ms = Number(query.get('ms') ?? 30)
  const noChain = query.get('chain') === 'none'
  const documents = seedDocuments()
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

  return {
    engine: fakeEngineService(query),
    models: fakeModels(query),
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
    pdfText,
    measure: (request) => measure({ ...request, quotingAdapters: { '1': 'feed' } }, fakeEngine(ms)),
    conversations: conversationStore(indexedDbRecords().open<Conversation>('fake-conversations')),
    datanets: fakeDatanets(query, documents, noChain ? null : PINNED),
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
      again: async (id) => change(id, { state: 'posted', batch: 7, finalAt: Math.floor(Date.now() / 1000) + 3600 }),
      batch: async (batch) => fakeBatch(batch, PINNED),
      watch(id, listener) {
        if (!states.has(id)) change(id, { state: 'final', batch: 4 })
        return states.get(id)!.subscribe((state) => listener(state, PINNED))
      },
      async *verify(source, signal) {
        if ('file' in source && !source.file.includes('{')) {
          throw new OpenChatError('receipt_invalid', 'This is not a receipt of Open Chat.', { action: 'Paste the whole file.' })
        }
        if ('id' in source && !kept.has(source.id)) throw new OpenChatError('receipt_unknown', 'It is not kept in this browser.')
        for (const step of fakeSteps(query.get('verify') === 'bad')) {
          signal.throwIfAborted()
          yield { ...step, status: 'pending', detail: '', ms: 0 }
          await pause(60)
          yield step
        }
      },
      replay: (_, signal) => fakeReplay(query.get('replay'), signal),
      exportFile: async (id) => JSON.stringify({ receipt: id, owner: { prompt: 'What about the navy?' } }, null, 1),
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
    'The Monroe Doctrine should be the cardinal feature of the foreign policy of all the nations of the two Americas, as it is of the United States. Just seventy-eight years have passed since it was announced. We have always seen it to be our manifest course of prudence to be strong on the seas. Energy at rest is reckoned by everyone as $E = m.'
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
