// The adapter over web-llm's own types, with a stream in the shapes that MLCEngine sends, and our list against the package's.
import { type ChatCompletionChunk, prebuiltAppConfig } from '@mlc-ai/web-llm'
import { describe, expect, test, vi } from 'vitest'
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import { type WebLlm, WebLlmEngine } from './web-llm.ts'
import { WEB_LLM_HOST, WEB_LLM_MODELS, webLlmBytes } from './web-llm-models.ts'

const never = new AbortController().signal
const request: ChatRequest = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9, temperature: 0, adapter: null }

const chunk = (content: string | null, finish: 'stop' | 'length' | 'abort' | null = null): ChatCompletionChunk => ({
  id: 'x',
  choices: [{ delta: content === null ? {} : { content, role: 'assistant' }, finish_reason: finish, index: 0 }],
  model: 'm',
  object: 'chat.completion.chunk',
  created: 0,
})
const usage: ChatCompletionChunk = {
  ...chunk(null),
  choices: [],
  usage: {
    completion_tokens: 3,
    prompt_tokens: 20,
    total_tokens: 23,
    extra: {
      e2e_latency_s: 1,
      prefill_tokens_per_s: 40,
      decode_tokens_per_s: 21,
      time_to_first_token_s: 0.5,
      time_per_output_token_s: 0.05,
    },
  },
}

function engine(chunks: (ChatCompletionChunk | Error)[]) {
  const create = vi.fn(async (_: unknown) => {
    async function* speak() {
      for (const next of chunks) {
        if (next instanceof Error) throw next
        yield next
      }
    }
    return speak()
  })
  const fake = {
    reload: vi.fn(async () => {}),
    unload: vi.fn(async () => {}),
    interruptGenerate: vi.fn(),
    setInitProgressCallback: vi.fn(),
    chat: { completions: { create } },
  }
  return { fake, create, adapter: new WebLlmEngine(fake as unknown as WebLlm) }
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

describe('web-llm', () => {
  test('streams an answer with its usage, and fetches nothing before it is told to', async () => {
    const { fake, create, adapter } = engine([chunk('The'), chunk(' sea'), chunk(''), chunk(' is', 'length'), usage])
    expect(fake.reload).not.toHaveBeenCalled()
    const { text, last } = await all(
      adapter.chat({ ...request, stop: ['x'], top_p: 0.5, repetition_penalty: 1.2, frequency_penalty: 1, min_p: 0.1 }, never),
    )
    expect(text).toBe('The sea is')
    expect(last).toMatchObject({ type: 'end', reason: 'length', usage: { promptTokens: 20, completionTokens: 3, tokensPerSecond: 21 } })
    expect(create.mock.calls[0]![0]).toMatchObject({ messages: request.messages, max_tokens: 9, top_p: 0.5, stop: ['x'], stream: true })
    expect(create.mock.calls[0]![0]).toMatchObject({ repetition_penalty: 1.2, frequency_penalty: 1 })
    expect(create.mock.calls[0]![0]).not.toHaveProperty('min_p')
  })

  test('is asked in words to begin an answer, since it takes no begun message, and the words are said once', async () => {
    const { create, adapter } = engine([chunk('From the'), chunk(' record: the'), chunk(' sea'), chunk(null, 'stop')])
    const { text } = await all(adapter.chat({ ...request, begin: 'From the record:' }, never))
    expect(text).toBe(' the sea')
    const { messages } = create.mock.calls[0]![0] as { messages: ChatRequest['messages'] }
    expect(messages).toHaveLength(1)
    expect(messages[0]!.content).toContain('From the record:')
  })

  test('is interrupted when the visitor stops', async () => {
    const controller = new AbortController()
    const { fake, adapter } = engine([chunk('one'), chunk(null, 'abort')])
    const events: ChatEvent[] = []
    for await (const event of adapter.chat(request, controller.signal)) {
      events.push(event)
      controller.abort()
    }
    expect(fake.interruptGenerate).toHaveBeenCalledOnce()
    expect(events.at(-1)).toMatchObject({ reason: 'cancelled' })
  })

  test.each([
    ['DeviceLostError', 'lost', 'device_lost'],
    ['ShaderF16SupportError', 'no f16', 'gpu_unavailable'],
    ['ContextWindowSizeExceededError', 'too long', 'prompt_too_long'],
    ['NetworkError', "Failed to execute 'add' on 'Cache': Cache.add() encountered a network error", 'hub_unreachable'],
    ['Error', 'strange', 'web_llm_failed'],
  ])('%s is a typed error', async (name, message, code) => {
    const error = Object.assign(new Error(message), { name })
    await expect(all(engine([error]).adapter.chat(request, never))).rejects.toMatchObject({ code })
    const { fake, adapter } = engine([])
    fake.reload.mockRejectedValue(error)
    await expect(adapter.load('m', () => {})).rejects.toMatchObject({ code })
  })
})

test('every model offered is one of the package’s, from the host that is named, and fits the memory it says', () => {
  for (const offered of WEB_LLM_MODELS) {
    const record = prebuiltAppConfig.model_list.find(({ model_id }) => model_id === offered.id)
    expect(record, offered.id).toBeDefined()
    expect(new URL(record!.model).host).toBe(WEB_LLM_HOST)
    // Memory is weights and a cache of 4096 tokens: more than the weights, not several times as much.
    const megabytes = webLlmBytes(offered) / 1e6
    expect(record!.vram_required_MB!).toBeGreaterThan(megabytes)
    expect(record!.vram_required_MB!).toBeLessThan(megabytes * 4.5)
  }
})
