import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { AnswerEvent } from '../../chat/answer.ts'
import { afterReload, type Conversation, lastVersion } from '../../chat/conversation.ts'
import { conversationStore } from '../../chat/conversation-store.ts'
import { OpenChatError } from '../../errors.ts'
import { memoryRecords } from '../../storage/records.ts'
import type { AskRequest, EngineFacts, EngineState, Services } from '../services.ts'
import { ChatState } from './chat.svelte.ts'
import { EngineView } from './engine.svelte.ts'
import { Notices } from './notices.svelte.ts'
import { Preferences } from './preferences.svelte.ts'
import type { Route, Router } from './route.svelte.ts'

const usage = { promptTokens: 1, completionTokens: 2, firstTokenMs: 1, tokensPerSecond: 2, dispatchesPerToken: 3 }
const end = (text: string, reason: 'stop' | 'cancelled' = 'stop'): AnswerEvent => ({
  type: 'generated',
  text,
  reason,
  usage,
  speaker: { engine: 'local', model: 'Small', modelDigest: 'b1', adapter: null },
})

/** A house whose answers are written by the test, one event at a time. */
function house(states: EngineState[] = [{ state: 'ready', gpu: 'none', software: true }]) {
  const records = memoryRecords().open<Conversation>('conversations')
  const store = conversationStore(records)
  const saved: Conversation[] = []
  const asked: { request: AskRequest; signal: AbortSignal; say: (event: AnswerEvent) => void; done: (error?: Error) => void }[] = []
  let tellEngine: (state: EngineState) => void = () => {}
  const services = {
    engine: {
      model: { adapters: {} },
      subscribe(listener: (state: EngineState) => void) {
        tellEngine = listener
        for (const state of states) listener(state)
        return () => {}
      },
      watch(listener: (facts: EngineFacts) => void) {
        const choice = {
          id: 'local:1',
          engine: 'local' as const,
          name: 'm',
          detail: '',
          needsBytes: 0,
          host: null,
          adapters: true,
          hindrance: null,
        }
        listener({ choices: [choice], chosen: 'local:1', proposal: null, demotions: [], contextTokens: 2048, tab: 'leader' })
        return () => {}
      },
      start: vi.fn(),
      pause: vi.fn(),
      choose: vi.fn(),
    },
    datanets: { list: async () => [{ id: '1' }, { id: '2' }] },
    conversations: {
      ...store,
      save: async (conversation: Conversation) => {
        saved.push(structuredClone(conversation))
        await store.save(conversation)
      },
    },
    async *ask(request: AskRequest, signal: AbortSignal) {
      const queue: (AnswerEvent | Error | null)[] = []
      let wake = () => {}
      const push = (item: AnswerEvent | Error | null) => {
        queue.push(item)
        wake()
      }
      asked.push({ request, signal, say: push, done: (error) => push(error ?? null) })
      while (true) {
        while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve))
        const next = queue.shift()
        if (next === null || next === undefined) return
        if (next instanceof Error) throw next
        yield next
      }
    },
  } as unknown as Services
  const router = { route: { room: 'chat', id: null } as Route, go: vi.fn(), settle: vi.fn() }
  const kept = new Map<string, string>()
  const preferences = new Preferences({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => kept.set(key, value) })
  const notices = new Notices()
  const engine = new EngineView(services.engine, undefined)
  const chat = new ChatState(services, engine, router as unknown as Router, notices, preferences)
  return { chat, saved, asked, records, notices, services, engine, router, tellEngine: (state: EngineState) => tellEngine(state) }
}

const settled = () => vi.advanceTimersByTimeAsync(0)
/** Words that stream are shown with the next frame. */
const drawn = () => vi.advanceTimersByTimeAsync(20)

describe('conversations on the page', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  test('a question is saved before it is asked, and asked of every datanet when none was chosen', async () => {
    const { chat, saved, asked } = house()
    await chat.send('  Why a navy? ')
    expect(saved[0].messages[0]).toMatchObject({ text: 'Why a navy?' })
    await settled()
    expect(asked[0].request).toMatchObject({ question: 'Why a navy?', history: [], datanets: ['1', '2'], payContributors: false })
    expect(asked[0].request).not.toHaveProperty('seed')
  })

  test('streaming words are on disk within a second, and a page that goes away finds them cut', async () => {
    const { chat, asked, records } = house()
    await chat.send('Why?')
    await settled()
    for (const text of ['We', 'We have', 'We have always']) {
      await vi.advanceTimersByTimeAsync(450)
      asked[0].say({ type: 'text', text })
      await settled()
    }
    await drawn()
    const [[, onDisk]] = await records.entries()
    expect(lastVersion(afterReload(onDisk))).toMatchObject({ state: 'cut', text: 'We have' })
    expect(lastVersion(chat.current)?.text).toBe('We have always')
    // Also when the next word is long in coming.
    await vi.advanceTimersByTimeAsync(800)
    const [[, later]] = await records.entries()
    expect(lastVersion(afterReload(later))).toMatchObject({ state: 'cut', text: 'We have always' })
  })

  test('every end of a stage is saved before it is shown', async () => {
    const { chat, asked, saved, services } = house()
    await chat.send('Why?')
    await settled()
    let release = () => {}
    const save = services.conversations.save
    services.conversations.save = async (conversation) => {
      await new Promise<void>((resolve) => (release = resolve))
      await save(conversation)
    }
    asked[0].say(end('We have.'))
    await settled()
    expect(lastVersion(chat.current)?.state).not.toBe('complete')
    release()
    await settled()
    expect(lastVersion(chat.current)?.state).toBe('complete')
    expect(lastVersion(saved.at(-1)!)?.state).toBe('complete')
  })

  test('a rename during an answer is not lost', async () => {
    const { chat, asked, records } = house()
    await chat.send('Why?')
    await settled()
    await chat.rename(chat.current.id, 'Ships')
    asked[0].say({ type: 'text', text: 'We' })
    asked[0].say(end('We.'))
    asked[0].done()
    await settled()
    const [[, onDisk]] = await records.entries()
    expect(onDisk).toMatchObject({ title: 'Ships' })
    expect(lastVersion(onDisk)).toMatchObject({ state: 'complete', text: 'We.' })
    expect(chat.busy).toBe(false)
  })

  test('stopping keeps the words; going on asks to continue after them', async () => {
    const { chat, asked } = house()
    await chat.send('Why?')
    await settled()
    asked[0].say({ type: 'text', text: 'We have' })
    await drawn()
    chat.stop()
    expect(asked[0].signal.aborted).toBe(true)
    asked[0].say(end('We have', 'cancelled'))
    asked[0].done()
    await settled()
    expect(lastVersion(chat.current)).toMatchObject({ state: 'stopped', text: 'We have' })
    chat.resume(lastVersion(chat.current)!.id)
    await settled()
    expect(asked[1].request.continueFrom).toBe('We have')
  })

  test('a question waits for the engine, and a page without one says why', async () => {
    const { chat, asked, tellEngine, services } = house([{ state: 'absent', receivedBytes: 0 }])
    expect(services.engine.start).toHaveBeenCalledOnce()
    await chat.send('Why?')
    await settled()
    expect(asked).toHaveLength(0)
    expect(lastVersion(chat.current)?.state).toBe('waiting')
    tellEngine({ state: 'ready', gpu: 'none', software: true })
    await settled()
    expect(asked).toHaveLength(1)

    const other = house([{ state: 'failed', error: new OpenChatError('digest_mismatch', 'Wrong file.') }])
    await other.chat.send('Why?')
    await settled()
    expect(lastVersion(other.chat.current)).toMatchObject({ state: 'failed', error: { code: 'digest_mismatch' } })
    expect(other.chat.busy).toBe(false)
  })

  test('a question that cannot be saved is not taken', async () => {
    const { chat, asked, notices, services } = house()
    services.conversations.save = async () => {
      throw new OpenChatError('storage_full', 'The disk is full.', { action: 'Make room.' })
    }
    await chat.send('Why?')
    await settled()
    expect(chat.current.messages).toEqual([])
    expect(asked).toHaveLength(0)
    expect(notices.list[0]).toMatchObject({ kind: 'problem', text: 'The disk is full. Make room.' })
  })

  test('what is deleted can be brought back whole; its running answer is stopped', async () => {
    const { chat, asked, notices, records } = house()
    await chat.send('Why?')
    await settled()
    asked[0].say({ type: 'text', text: 'We' })
    await settled()
    await chat.remove(chat.current.id)
    expect(asked[0].signal.aborted).toBe(true)
    asked[0].say(end('We', 'cancelled'))
    asked[0].done()
    await settled()
    expect(await records.entries()).toEqual([])
    notices.act(notices.list[0])
    await settled()
    const [[, back]] = await records.entries()
    expect(lastVersion(back)).toMatchObject({ text: 'We', state: 'cut' })
    expect(chat.headings).toHaveLength(1)
  })

  test('a question sent while an answer runs waits, and is asked after one that ended well', async () => {
    const { chat, asked, records } = house()
    await chat.send('First')
    await settled()
    expect(await chat.send('Second')).toBe(true)
    await chat.send('Third')
    chat.editQueued(chat.current.queued[0].id, 'Second, better')
    chat.removeQueued(chat.current.queued[1].id)
    const [[, onDisk]] = await records.entries()
    expect(onDisk.queued.map((q) => q.text)).toEqual(['Second, better'])
    asked[0].say(end('One.'))
    asked[0].done()
    await settled()
    expect(chat.current.queued).toEqual([])
    expect(asked[1].request).toMatchObject({
      question: 'Second, better',
      history: [{ content: 'First' }, { content: 'One.' }],
    })
  })

  test('after a stop or a failure it is asked only by hand', async () => {
    const { chat, asked } = house()
    await chat.send('First')
    await settled()
    await chat.send('Second')
    asked[0].done(new OpenChatError('device_lost', 'Gone.'))
    await settled()
    expect(chat.busy).toBe(false)
    expect(asked).toHaveLength(1)
    await chat.sendQueued()
    await settled()
    expect(asked[1].request.question).toBe('Second')
  })

  test('a question sent after the stop, while the words are still traced, is asked', async () => {
    const { chat, asked } = house()
    await chat.send('First')
    await settled()
    asked[0].say({ type: 'text', text: 'We have' })
    await drawn()
    chat.stop()
    asked[0].say(end('We have', 'cancelled'))
    await vi.advanceTimersByTimeAsync(2)
    expect(chat.busy).toBe(true)
    await chat.send('Second')
    asked[0].done()
    await settled()
    expect(asked[1].request.question).toBe('Second')
    expect(chat.current.queued).toEqual([])
  })

  test('several adapters are asked at once, under one seed, and asking on goes on with the shown one', async () => {
    const { chat, asked } = house()
    chat.setOptions({ sideBySide: ['auto', null], temperature: 0.7 })
    await chat.send('Why?')
    await settled()
    expect(asked.map(({ request }) => request.adapter)).toEqual(['auto', null])
    expect(asked[0].request.seed).toBe(asked[1].request.seed)
    asked[1].say(end('Plain.'))
    asked[1].done()
    await settled()
    expect(chat.busy).toBe(true)
    asked[0].say(end('Quoted.'))
    asked[0].done()
    await settled()
    chat.choose(chat.current.messages[2].id)
    await chat.send('And?')
    await settled()
    expect(asked[2].request.history.map((turn) => turn.content)).toEqual(['Why?', 'Plain.'])
  })

  test('an edited question asks from where it stood; an edited answer is not paid for', async () => {
    const { chat, asked } = house()
    await chat.send('Why?')
    await settled()
    asked[0].say(end('Because.'))
    asked[0].done()
    await settled()
    chat.rewriteAnswer(lastVersion(chat.current)!.id, 'My words.')
    await chat.send('And?')
    await settled()
    expect(asked[1].request).toMatchObject({ ownWords: ['My words.'], history: [{ content: 'Why?' }, { content: 'My words.' }] })
    asked[1].say(end('So.'))
    asked[1].done()
    await settled()
    await chat.editQuestion(chat.current.messages[0].id, 'Why not?')
    await settled()
    expect(asked[2].request).toMatchObject({ question: 'Why not?', history: [] })
  })

  test('an answer by another model takes that model first; one that is gone says so', async () => {
    const { chat, asked } = house()
    await chat.send('Why?')
    await settled()
    asked[0].say(end('Because.'))
    asked[0].done()
    await settled()
    chat.regenerate(lastVersion(chat.current)!.id, { model: 'remote:9' })
    await settled()
    expect(lastVersion(chat.current)).toMatchObject({ state: 'failed', error: { code: 'model_gone' } })
    chat.regenerate(lastVersion(chat.current)!.id, { model: 'local:1', adapter: null })
    await settled()
    expect(asked[1].request).toMatchObject({ model: 'local:1', adapter: null })
  })

  test('a temporary chat is written nowhere, listed nowhere, and pays nobody', async () => {
    const { chat, asked, saved, records } = house()
    chat.setTemporary(true)
    chat.setOptions({ payContributors: true, temperature: 0.9 })
    await chat.send('Why?')
    await settled()
    expect(asked[0].request.payContributors).toBe(false)
    asked[0].say(end('Because.'))
    asked[0].done()
    await settled()
    expect(lastVersion(chat.current)?.text).toBe('Because.')
    expect([saved, await records.entries(), chat.headings]).toEqual([[], [], []])
    await chat.open(null)
    expect(chat.current.options.temperature).toBe(0)
    await chat.open('temporary-gone')
    expect(chat.missingTemporary).toBe(true)
  })

  test('the end of an answer is told to whoever looks elsewhere, and to nobody who sees it or stopped it', async () => {
    const { chat, asked, notices, router } = house()
    const answer = async (i: number, text: string) => {
      asked[i].say(end(text))
      asked[i].done()
      await settled()
    }
    await chat.send('Why a navy?')
    await settled()
    await answer(0, 'Seen.')
    expect(notices.list).toEqual([])
    await chat.send('And why an army?')
    await settled()
    await chat.open(null)
    await answer(1, 'Not seen.')
    expect(notices.list.map(({ text }) => text)).toEqual(['“Why a navy?” has its answer.'])
    notices.act(notices.list[0])
    expect(router.go).toHaveBeenCalledWith({ room: 'chat', id: chat.headings[0].id })
    await chat.open(chat.headings[0].id)
    await chat.send('And a fort?')
    await settled()
    router.route = { room: 'ledger', id: null }
    chat.stop()
    await answer(2, 'Stopped.')
    expect(notices.list).toEqual([])
  })
})
