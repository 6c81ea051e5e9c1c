import { describe, expect, test } from 'vitest'
import type { Trace } from '../attribution/types.ts'
import type { AnswerEvent } from './answer.ts'
import {
  type Asked,
  afterReload,
  ask,
  type Conversation,
  type ConversationOptions,
  choose,
  columnsOf,
  editedWords,
  fail,
  findQuestion,
  history,
  lastVersion,
  newConversation,
  path,
  receive,
  regenerate,
  resume,
  rewrite,
  show,
  stop,
  titleFrom,
  versionsOf,
} from './conversation.ts'
import type { Speaker } from './ports.ts'

const options: ConversationOptions = {
  askWithSources: true,
  datanets: ['1'],
  payContributors: false,
  adapter: 'auto',
  temperature: 0,
}
const usage = { promptTokens: 9, completionTokens: 2, firstTokenMs: 10, tokensPerSecond: 3, dispatchesPerToken: 160 }
const speaker: Speaker = { engine: 'local', model: 'Small', modelDigest: 'b1', adapter: null }
const trace = { spans: [], unpaid: [] } as unknown as Trace

/** Ids u1, a1, u2, a2 … in the order in which they are asked for. */
function numbered() {
  const counts = { q: 0 }
  return () => `m${++counts.q}`
}

const start = (change: Partial<ConversationOptions> = {}) => newConversation('c', 1, { ...options, ...change })
const put = (c: Conversation, asked: Asked, id = numbered()) => ask(c, asked, 2, id)
const asked = () => put(start(), { text: 'Why a navy?' })
const last = (c: Conversation) => lastVersion(c)!
const feed = (c: Conversation, events: AnswerEvent[], id = last(c).id) => events.reduce((now, event) => receive(now, id, event, 5), c)
const ended = (text: string, reason: 'stop' | 'length' | 'cancelled' = 'stop'): AnswerEvent[] => [
  { type: 'text', text },
  { type: 'generated', text, reason, usage, speaker },
]
const texts = (c: Conversation) => path(c).map((m) => m.text)
const historyNow = (c: Conversation) => history(c, findQuestion(c, last(c).parent)!).map((turn) => turn.content)

describe('an answer', () => {
  test('goes from waiting through running to complete, and keeps what each stage brought', () => {
    let c = asked()
    expect(last(c).state).toBe('waiting')
    c = feed(c, [
      { type: 'text', text: 'We have' },
      { type: 'marks', marks: [{ from: 0, to: 7 }] },
    ])
    expect(last(c)).toMatchObject({ state: 'running', text: 'We have', marks: [{ from: 0, to: 7 }] })
    c = feed(c, [...ended('We have looked'), { type: 'traced', trace, request: {} as never, names: [] }])
    expect(last(c)).toMatchObject({ state: 'complete', text: 'We have looked', usage, speaker, trace, marks: [] })
  })

  test('after a reload what ran is cut with its words kept, what waited still waits, what ended stays', () => {
    expect(last(afterReload(asked())).state).toBe('waiting')
    const running = feed(asked(), [{ type: 'text', text: 'We have' }])
    expect(last(afterReload(running))).toMatchObject({ state: 'cut', text: 'We have' })
    expect(last(afterReload(feed(asked(), ended('done')))).state).toBe('complete')
  })

  test('goes on from its words after a cut; what its end had brought is dropped', () => {
    const cut = afterReload(feed(asked(), [{ type: 'text', text: 'We have' }]))
    expect(last(resume(cut, last(cut).id, 9))).toMatchObject({ state: 'waiting', text: 'We have' })
    const stopped = feed(asked(), [...ended('We', 'cancelled'), { type: 'traced', trace, request: {} as never, names: [] }])
    expect(last(resume(stopped, last(stopped).id, 9))).not.toHaveProperty('trace')
  })

  test('fails when something breaks before its end, and keeps its words; broken tracing leaves it complete', () => {
    const error = { code: 'device_lost', shortMessage: 'The GPU went away.', meta: {} }
    const running = feed(asked(), [{ type: 'text', text: 'We' }])
    expect(last(fail(running, last(running).id, error, 3))).toMatchObject({ state: 'failed', text: 'We', error })
    const done = feed(asked(), ended('said'))
    expect(last(fail(done, last(done).id, error, 3))).toMatchObject({ state: 'complete', text: 'said', error })
    expect(last(stop(asked(), 'm2', 3)).state).toBe('stopped')
    expect(last(stop(done, 'm2', 3)).state).toBe('complete')
  })

  test('made again keeps the earlier one with its receipt, and events reach the one they name', () => {
    const first = feed(asked(), [...ended('one'), { type: 'signed', receipt: { id: '0xaa' } as never, request: {} as never }])
    let c = regenerate(first, 'm1', { adapter: null }, 6, () => 'm9')
    expect(last(c)).toMatchObject({ id: 'm9', state: 'waiting', options: { adapter: null } })
    c = show(c, 'm2')
    c = feed(c, ended('two'), 'm9')
    expect(last(c)).toMatchObject({ text: 'one', receipt: '0xaa' })
    expect(versionsOf(c, last(c)).map(({ id }) => id)).toEqual(['m2', 'm9'])
    expect(last(show(c, 'm9'))).toMatchObject({ text: 'two', state: 'complete' })
    expect(show(c, 'nobody')).toEqual(c)
  })

  test('that was edited is the visitor’s: no trace, no receipt, and its words are never paid later; the first stays', () => {
    const id = numbered()
    let c = feed(ask(start(), { text: 'Q1' }, 2, id), [...ended('model words'), { type: 'traced', trace, request: {} as never, names: [] }])
    c = rewrite(c, 'm2', 'my words', 8, id)
    expect(last(c)).toMatchObject({ text: 'my words', editedAt: 8, state: 'complete' })
    expect(last(c)).not.toHaveProperty('trace')
    expect(last(show(c, 'm2'))).toMatchObject({ text: 'model words', trace })
    c = ask(c, { text: 'Q2' }, 9, id)
    expect(editedWords(c, findQuestion(c, last(c).parent)!)).toEqual(['my words'])
    expect(historyNow(c)).toEqual(['Q1', 'my words'])
  })
})

describe('branches', () => {
  test('an edited question opens one; switching brings back what followed each', () => {
    const id = numbered()
    let c = feed(ask(start(), { text: 'Q1' }, 2, id), ended('A1'))
    c = feed(ask(c, { text: 'Q2' }, 3, id), ended('A2'))
    c = feed(ask(c, { text: 'Q1 better', parent: null }, 4, id), ended('B1'))
    expect(texts(c)).toEqual(['Q1 better', 'B1'])
    c = ask(c, { text: 'Q2 of B' }, 5, id)
    expect(historyNow(c)).toEqual(['Q1 better', 'B1'])
    c = show(c, 'm1')
    expect(texts(c)).toEqual(['Q1', 'A1', 'Q2', 'A2'])
    expect(historyNow(c)).toEqual(['Q1', 'A1'])
    expect(texts(show(c, 'm5'))).toEqual(['Q1 better', 'B1', 'Q2 of B', ''])
  })

  test('the model sees the turns before the question, attachments in them, and no empty answer', () => {
    const id = numbered()
    let c = ask(start(), { text: 'Q1', attachments: [{ name: 'notes.txt', text: 'Blue.' }] }, 2, id)
    c = feed(c, ended('A1'))
    c = stop(ask(c, { text: 'Q2' }, 3, id), 'm4', 4)
    c = ask(c, { text: 'Q3' }, 5, id)
    expect(historyNow(c)).toEqual(['notes.txt:\nBlue.\n\nQ1', 'A1'])
  })
})

describe('several adapters', () => {
  const beside = () => put(start({ sideBySide: ['feed', null] }), { text: 'Why?' })

  test('answer one question beside each other, each under its own', () => {
    const c = beside()
    const [question] = path(c)
    if (question.role !== 'user') throw new Error('The first is not a question.')
    expect(columnsOf(c, question).map((answer) => answer.options.adapter)).toEqual(['feed', null])
    expect(columnsOf(c, question)[0].options).not.toHaveProperty('sideBySide')
    const fed = feed(c, ended('plain'), 'm3')
    expect(columnsOf(fed, question).map((answer) => answer.state)).toEqual(['waiting', 'complete'])
  })

  test('until one is chosen, which is then gone on with while the others stay versions', () => {
    const c = choose(beside(), 'm3')
    expect(last(c).id).toBe('m3')
    expect(path(c)[0]).not.toHaveProperty('columns')
    expect(versionsOf(c, last(c))).toHaveLength(2)
  })
})

test('later changes of options do not reach answers already asked', () => {
  const c = asked()
  c.options.datanets.push('2')
  expect(last(c).options.datanets).toEqual(['1'])
  c.options.datanets.pop()
})

test('the title is the first question, cut at a word', () => {
  expect(titleFrom('  Why does the country\nneed a navy? ')).toBe('Why does the country need a navy?')
  expect(titleFrom('What did Woodrow Wilson say about the navy of the United States in 1915?')).toBe(
    'What did Woodrow Wilson say about the navy of…',
  )
  expect(titleFrom('x'.repeat(60))).toBe(`${'x'.repeat(48)}…`)
  expect(put(asked(), { text: 'Other' }).title).toBe('Why a navy?')
})
