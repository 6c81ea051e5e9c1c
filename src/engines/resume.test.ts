import { describe, expect, test, vi } from 'vitest'
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import { OpenChatError } from '../errors.ts'
import { resumed } from './resume.ts'

const usage = { promptTokens: 9, completionTokens: 2, firstTokenMs: 1, tokensPerSecond: 2, dispatchesPerToken: 3 }
const request: ChatRequest = { messages: [], max_tokens: 6, temperature: 0, adapter: null, begin: 'Once' }
const lost = new OpenChatError('device_lost', 'Gone.')

/** Speaks the words after `begin`, and breaks after so many of a try. */
function engine(words: string[], breaks: (number | OpenChatError)[]) {
  const asked: ChatRequest[] = []
  async function* chat(given: ChatRequest): AsyncGenerator<ChatEvent> {
    asked.push(given)
    const at = breaks.shift()
    if (at instanceof OpenChatError) throw at
    const whole = `Once${words.join('')}`
    expect(whole.startsWith(given.begin!)).toBe(true)
    let skip = given.begin!.length - 'Once'.length
    let said = 0
    for (const word of words) {
      if (skip > 0) {
        skip -= word.length
        continue
      }
      if (said === at) throw lost
      if (said === given.max_tokens) break
      said++
      yield { type: 'token', text: word }
    }
    yield { type: 'end', reason: 'stop', usage: { ...usage, completionTokens: said } }
  }
  return { asked, chat, recover: vi.fn(async () => {}) }
}

async function all(events: AsyncIterable<ChatEvent>): Promise<{ text: string; last: ChatEvent }> {
  let text = ''
  let last: ChatEvent | undefined
  for await (const event of events) {
    if (event.type === 'token') text += event.text
    last = event
  }
  return { text, last: last! }
}

describe('a chat whose engine goes away', () => {
  const words = [' upon', ' a', ' time', ' there', ' was']

  test('says every word once, and counts as one message', async () => {
    const broken = engine(words, [2, 1])
    const { text, last } = await all(resumed(broken, request, new AbortController().signal))
    expect(text).toBe(' upon a time there was')
    expect(broken.recover).toHaveBeenCalledTimes(2)
    expect(broken.asked.map(({ begin, max_tokens }) => [begin, max_tokens])).toEqual([
      ['Once', 6],
      ['Once upon a', 4],
      ['Once upon a time', 3],
    ])
    expect(last).toMatchObject({ type: 'end', usage: { completionTokens: 5, promptTokens: 6 } })
  })

  test('is given up when three tries say nothing', async () => {
    const broken = engine(words, [1, 0, 0, 0])
    await expect(all(resumed(broken, request, new AbortController().signal))).rejects.toMatchObject({ code: 'device_lost' })
    expect(broken.recover).toHaveBeenCalledTimes(3)
  })

  test('is not asked again when it was refused, or when nobody waits', async () => {
    const refused = engine(words, [new OpenChatError('prompt_too_long', 'Too long.')])
    await expect(all(resumed(refused, request, new AbortController().signal))).rejects.toMatchObject({ code: 'prompt_too_long' })
    expect(refused.recover).not.toHaveBeenCalled()
    const stopped = new AbortController()
    const left = engine(words, [lost])
    stopped.abort()
    await expect(all(resumed(left, request, stopped.signal))).rejects.toMatchObject({ code: 'device_lost' })
  })

  test('that had said all it may ends at its length', async () => {
    const broken = engine(words, [3])
    const { text, last } = await all(resumed(broken, { ...request, max_tokens: 3 }, new AbortController().signal))
    expect(text).toBe(' upon a time')
    expect(last).toMatchObject({ type: 'end', reason: 'length', usage: { completionTokens: 3 } })
  })
})
