import { describe, expect, test } from 'vitest'
import type { Trace } from '../attribution/types.ts'
import type { AnswerEvent } from './answer.ts'
import {
  afterReload,
  ask,
  type Conversation,
  type ConversationOptions,
  fail,
  history,
  lastQuestion,
  lastVersion,
  newConversation,
  receive,
  regenerate,
  resume,
  show,
  stop,
  titleFrom,
} from './conversation.ts'

const options: ConversationOptions = { askWithSources: true, datanets: ['1'], payContributors: false, temperature: 0 }
const usage = { promptTokens: 9, completionTokens: 2, firstTokenMs: 10, tokensPerSecond: 3, dispatchesPerToken: 160 }
const trace = { spans: [], unpaid: [] } as unknown as Trace
const asked = (): Conversation => ask(newConversation('c', 1, options), 'Why a navy?', { user: 'u1', assistant: 'a1' }, 2)
const feed = (conversation: Conversation, events: AnswerEvent[], version = 0) =>
  events.reduce((c, event) => receive(c, version, event, 5), conversation)
const ended = (text: string, reason: 'stop' | 'length' | 'cancelled' = 'stop'): AnswerEvent[] => [
  { type: 'text', text },
  { type: 'generated', text, reason, usage, adapter: null },
]

describe('a conversation', () => {
  test('goes from waiting through running to complete, and keeps what each stage brought', () => {
    let c = asked()
    expect(lastVersion(c)?.state).toBe('waiting')
    c = feed(c, [
      { type: 'text', text: 'We have' },
      { type: 'marks', marks: [{ from: 0, to: 7 }] },
    ])
    expect(lastVersion(c)).toMatchObject({ state: 'running', text: 'We have', marks: [{ from: 0, to: 7 }] })
    c = feed(c, [...ended('We have looked'), { type: 'traced', trace, request: {} as never, names: [] }])
    expect(lastVersion(c)).toMatchObject({ state: 'complete', text: 'We have looked', usage, trace, marks: [] })
  })

  test('after a reload what ran is cut with its words kept, what waited still waits, what ended stays', () => {
    expect(lastVersion(afterReload(asked()))?.state).toBe('waiting')
    const running = feed(asked(), [{ type: 'text', text: 'We have' }])
    expect(lastVersion(afterReload(running))).toMatchObject({ state: 'cut', text: 'We have' })
    expect(lastVersion(afterReload(feed(asked(), ended('done'))))?.state).toBe('complete')
  })

  test('a cut answer goes on from its words; what its end had brought is dropped', () => {
    const cut = afterReload(feed(asked(), [{ type: 'text', text: 'We have' }]))
    expect(lastVersion(resume(cut, 9))).toMatchObject({ state: 'waiting', text: 'We have' })
    const stopped = feed(asked(), [...ended('We', 'cancelled'), { type: 'traced', trace, request: {} as never, names: [] }])
    expect(lastVersion(resume(stopped, 9))).not.toHaveProperty('trace')
  })

  test('regenerating keeps the earlier version and its receipt, and events reach the version they name', () => {
    const first = feed(asked(), [...ended('one'), { type: 'signed', receipt: { id: '0xaa' } as never, request: {} as never }])
    let c = regenerate(first, 6)
    c = show(c, 'a1', 0)
    c = feed(c, ended('two'), 1)
    expect(lastVersion(c)).toMatchObject({ text: 'one', receipt: '0xaa' })
    expect(lastVersion(show(c, 'a1', 1))).toMatchObject({ text: 'two', state: 'complete' })
    expect(show(c, 'a1', 7)).toEqual(c)
  })

  test('a failure before the end fails the answer; one in tracing leaves its words complete', () => {
    const error = { code: 'device_lost', shortMessage: 'The GPU went away.', meta: {} }
    expect(lastVersion(fail(asked(), 0, error, 3))).toMatchObject({ state: 'failed', error })
    expect(lastVersion(fail(feed(asked(), ended('said')), 0, error, 3))).toMatchObject({ state: 'complete', text: 'said', error })
    expect(lastVersion(stop(asked(), 0, 3))?.state).toBe('stopped')
    expect(lastVersion(stop(feed(asked(), ended('said')), 0, 3))?.state).toBe('complete')
  })

  test('the model sees earlier pairs with the shown version, never the open question or an empty answer', () => {
    let c = feed(asked(), ended('one'))
    c = ask(c, 'And then?', { user: 'u2', assistant: 'a2' }, 7)
    expect(history(c)).toEqual([
      { role: 'user', content: 'Why a navy?' },
      { role: 'assistant', content: 'one' },
    ])
    expect(lastQuestion(c)).toBe('And then?')
    c = ask(stop(c, 0, 8), 'Third?', { user: 'u3', assistant: 'a3' }, 9)
    expect(history(c)).toHaveLength(2)
  })

  test('later changes of options do not reach answers already asked', () => {
    const c = asked()
    c.options.datanets.push('2')
    expect(lastVersion(c)?.options.datanets).toEqual(['1'])
    c.options.datanets.pop()
  })

  test('the title is the first question, cut at a word', () => {
    expect(titleFrom('  Why does the country\nneed a navy? ')).toBe('Why does the country need a navy?')
    expect(titleFrom('What did Woodrow Wilson say about the navy of the United States in 1915?')).toBe(
      'What did Woodrow Wilson say about the navy of…',
    )
    expect(titleFrom('x'.repeat(60))).toBe(`${'x'.repeat(48)}…`)
    expect(ask(asked(), 'Other', { user: 'u', assistant: 'a' }, 3).title).toBe('Why a navy?')
  })
})
