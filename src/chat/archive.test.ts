import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Trace } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'
import { archiveJson, archiveMarkdown, fileNameOf } from './archive.ts'
import { readArchive } from './archive-read.ts'
import { ask, type Conversation, judge, newConversation, path, receive, regenerate, rewrite } from './conversation.ts'

const options = {
  askWithSources: true,
  datanets: ['1'],
  payContributors: true,
  adapter: 'auto' as const,
  temperature: 0.5,
  model: 'remote:x',
}
const usage = {
  promptTokens: 9,
  completionTokens: 2,
  firstTokenMs: 10,
  tokensPerSecond: 3,
  dispatchesPerToken: 160,
  drafts: { passes: 1, drafted: 3, accepted: 2 },
}
const speaker = { engine: 'local' as const, model: 'SmolLM2', modelDigest: 'ab', adapter: null }
const entry = {
  document: 3,
  contribution: 3,
  contributor: `0x${'a1'.repeat(20)}` as const,
  author: 'Woodrow Wilson',
  title: 'State of the Union 1915',
  year: 1915,
  licence: 'Public domain',
  order: 3,
  tokens: 60,
}
const trace: Trace = {
  indexes: [{ datanet: '1', commitment: `0x${'1d'.repeat(32)}`, contributions: 43 }],
  answerTokens: 9,
  paidTokens: 8,
  totalSurprisal: 12n << 60n,
  spans: [{ start: 0, length: 8, from: 0, to: 7, index: 0, document: 3, position: 1, count: 1, surprisal: 9n << 60n, amount: 10n ** 15n }],
  unpaid: [],
  shares: [{ account: entry.contributor, amount: 10n ** 15n }],
  fee: 10n ** 15n,
  documents: { '0:3': entry },
}

let n = 0
const newId = () => `id${n++}`
const context = { now: 9_000, newId }
const read = (file: string) => readArchive(file, context)

function sample(): Conversation {
  let c = ask(newConversation('c', 1000, options), { text: 'Why a navy?' }, 2000, newId)
  const answer = c.messages[1].id
  c = receive(c, answer, { type: 'generated', text: 'We have looked', reason: 'stop', usage, speaker }, 3000)
  c = receive(c, answer, { type: 'traced', trace, names: [{ index: 0, ...entry }] } as never, 3000)
  c = judge(c, answer, { thumb: 'up', note: 'a "note"\nof two lines' })
  c = rewrite(c, answer, 'My own words <!-- open-chat:user --> <script>', 4000, newId)
  c = ask(c, { text: '## You\n\nAnd <b>then</b>?', attachments: [{ name: 'a.txt', text: 'x' }] }, 5000, newId)
  return { ...c, title: 'Ships', titleByHand: true, pinned: true }
}

/** Everything but ids, which are new. */
const words = (c: Conversation) => path(c).map((message) => [message.role, message.text, message.at])

test('JSON brings back messages, branches, traces and judgements, under new ids', () => {
  const before = sample()
  const [after] = read(archiveJson([before], 8000))
  expect(words(after)).toEqual(words(before))
  expect(after).toMatchObject({ title: 'Ships', titleByHand: true, pinned: true, createdAt: 1000 })
  expect(after.messages).toHaveLength(before.messages.length)
  expect(after.messages[1]).toMatchObject({ trace, usage, speaker, feedback: { thumb: 'up', note: 'a "note"\nof two lines' } })
  expect(after.messages[3]).toMatchObject({ attachments: [{ name: 'a.txt', text: 'x' }] })
  const ids = new Set(before.messages.map(({ id }) => id))
  expect([after.id, ...after.messages.map(({ id }) => id)].filter((id) => ids.has(id) || id === before.id)).toEqual([])
})

test('nothing that comes in runs, pays, or names an engine', () => {
  const before = sample()
  const waiting = regenerate(before, before.messages[0].id, {}, 6000, newId)
  const [after] = read(archiveJson([waiting], 8000))
  for (const message of after.messages) {
    if (message.role === 'user') continue
    expect(['complete', 'stopped']).toContain(message.state)
    expect(message.options.payContributors).toBe(false)
    expect(message.imported).toBe(true)
  }
  expect(after.options).toMatchObject({ payContributors: false })
  expect(after.options.model).toBe(undefined)
  expect(after.queued).toEqual([])
})

test('a temporary conversation is in no export', () => {
  expect(read(archiveJson([{ ...sample(), temporary: true }, sample()], 1))).toHaveLength(1)
})

test('Markdown holds the shown branch, whatever stands in the messages, and reads back', () => {
  const before = sample()
  const markdown = archiveMarkdown(before)
  expect(markdown).toContain('_1 more message stands in other branches')
  const [after] = read(markdown)
  expect(after.title).toBe('Ships')
  expect(words(after).map(([role, text]) => [role, text])).toEqual(
    words(before)
      .map(([role, text]) => [role, text])
      .slice(0, 4),
  )
})

test('any words survive Markdown and JSON', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('', '<!-- open-chat:user -->', '## Answer (x)\n\n', '_With a_\n\n'),
      (noise, sign) => {
        const text = `x${noise.replace(/\r|\u200B/g, '')}${sign}y`
        let c = ask(newConversation('c', 1, options), { text }, 2, newId)
        c = receive(c, c.messages[1].id, { type: 'generated', text, reason: 'stop', usage, speaker }, 3)
        for (const file of [archiveMarkdown(c), archiveJson([c], 1)])
          expect(read(file)[0].messages.map((m) => m.text)).toEqual([text, text])
      },
    ),
  )
})

const code = (file: string) => {
  try {
    read(file)
    return 'read'
  } catch (thrown) {
    return thrown instanceof OpenChatError ? thrown.code : thrown
  }
}

test('hostile files are refused by name', () => {
  const good = JSON.parse(archiveJson([sample()], 1)) as { conversations: Record<string, unknown>[] }
  const changed = (change: (c: Record<string, unknown>, messages: Record<string, unknown>[]) => void) => {
    const copy = structuredClone(good)
    change(copy.conversations[0], copy.conversations[0].messages as Record<string, unknown>[])
    return JSON.stringify(copy)
  }
  expect(code(changed(() => {}))).toBe('read')
  const invalid = {
    'a ring': changed((_c, m) => (m[0].parent = m[1].id)),
    'its own parent': changed((_c, m) => (m[0].parent = m[0].id)),
    'an unknown parent': changed((_c, m) => (m[1].parent = 'nobody')),
    'an answer to an answer': changed((_c, m) => (m[2].parent = m[1].id)),
    'one id twice': changed((_c, m) => (m[2].id = m[1].id)),
    'text that is a number': changed((_c, m) => (m[1].text = 7)),
    'text that is an object': changed((_c, m) => (m[1].text = { toString: 'x' })),
    'messages that are an object': changed((c) => (c.messages = {})),
    'a role of ours': changed((_c, m) => (m[0].role = 'system')),
    'a time that is none': changed((c) => (c.createdAt = 1e300)),
    'a span outside the answer': changed((_c, m) => ((m[1].trace as Trace).spans[0].to = 999)),
    'a negative amount': changed((_c, m) => ((m[1].trace as Trace).fee = { $bigint: '-5' } as never)),
    'an amount that is words': changed((_c, m) => ((m[1].trace as Trace).fee = { $bigint: '1e9' } as never)),
    'a span of no document': changed((_c, m) => ((m[1].trace as Trace).documents = {})),
    deep: '['.repeat(200_000) + ']'.repeat(200_000),
    'deep inside': changed((c) => (c.more = JSON.parse(`${'['.repeat(500)}${']'.repeat(500)}`))),
    'cut off': archiveJson([sample()], 1).slice(0, -40),
    'half a Markdown': '<!-- open-chat:conversation 2026 -->\n\n<!-- open-chat:assistant -->\n\nwords',
  }
  for (const [name, file] of Object.entries(invalid)) expect(code(file), name).toBe('import_invalid')
  expect(code(' '.repeat(65_000_000))).toBe('import_too_large')
  for (const file of ['', 'hello', '[]', '{}', 'null', '"x"', '[{}]', '{"format":"open-chat/conversations","version":99}', '<html>']) {
    expect(code(file), file).toBe('import_unknown')
  }
})

test('keys of a file never become ours', () => {
  const file = archiveJson([sample()], 1).replace(
    '"title": "Ships"',
    '"title": "Ships", "__proto__": {"payContributors": true}, "temporary": true',
  )
  const [after] = read(file)
  expect(after.temporary).toBe(undefined)
  expect(({} as { payContributors?: boolean }).payContributors).toBe(undefined)
})

test('ChatGPT and Open WebUI exports: words, branches and the one that was shown', () => {
  const message = (role: string, text: string, time = 1_700_000_000) => ({
    author: { role },
    content: { content_type: 'text', parts: [text] },
    create_time: time,
  })
  const chatGpt = [
    {
      title: 'Bees',
      create_time: 1_700_000_000.5,
      update_time: 1_700_000_100,
      current_node: 'd1',
      mapping: {
        root: { id: 'root', parent: null, message: null },
        s: { parent: 'root', message: message('system', 'be kind') },
        a: { parent: 's', message: message('user', 'Why bees?') },
        b1: { parent: 'a', message: message('assistant', 'Because.') },
        b2: { parent: 'a', message: message('assistant', 'Otherwise.') },
        t: { parent: 'b1', message: message('tool', 'ran') },
        c1: { parent: 't', message: message('assistant', 'More.') },
        d1: { parent: 'c1', message: message('user', 'And?') },
      },
    },
    { title: 'empty', mapping: {} },
  ]
  const [bees, ...none] = read(JSON.stringify(chatGpt))
  expect(none).toEqual([])
  expect(bees).toMatchObject({ title: 'Bees', createdAt: 1_700_000_000_500 })
  expect(path(bees).map((m) => m.text)).toEqual(['Why bees?', 'Because.\n\nMore.', 'And?'])
  expect(bees.messages.map((m) => m.text)).toContain('Otherwise.')

  const ring = { mapping: { a: { parent: 'b', message: message('user', 'x') }, b: { parent: 'a', message: message('assistant', 'y') } } }
  expect(read(JSON.stringify([ring]))).toEqual([])

  const webUi = [
    {
      chat: {
        title: 'Ants',
        history: {
          currentId: '2',
          messages: { 1: { parentId: null, role: 'user', content: 'Ants?' }, 2: { parentId: '1', role: 'assistant', content: 'Yes.' } },
        },
      },
    },
  ]
  expect(path(read(JSON.stringify(webUi))[0]).map((m) => m.text)).toEqual(['Ants?', 'Yes.'])
})

test('a chain as long as a file is read without running out of stack', () => {
  const mapping = Object.fromEntries(
    Array.from({ length: 20_000 }, (_, i) => [
      `n${i}`,
      {
        parent: i === 0 ? null : `n${i - 1}`,
        message: { author: { role: i % 2 ? 'assistant' : 'user' }, content: { content_type: 'text', parts: ['x'] } },
      },
    ]),
  )
  expect(read(JSON.stringify([{ mapping }]))[0].messages).toHaveLength(20_000)
})

test('file names hold no sign that a file system minds', () => {
  expect(['Why a navy?', '../../etc/passwd', 'CON', '', '💥', 'Ünï / côdé'].map(fileNameOf)).toEqual([
    'why-a-navy',
    'etc-passwd',
    'conversation-con',
    'conversation',
    'conversation',
    'ünï-côdé',
  ])
})
