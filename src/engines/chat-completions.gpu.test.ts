// The OpenAI face over the engine itself, on a tiny random model: shape of whole and streamed answers, usage, ends, abort, and
// web-llm's own types. What the answers say is parity's question.
import type { ChatCompletionChunk, MLCEngineInterface } from '@mlc-ai/web-llm'
import { afterAll, describe, expect, it } from 'vitest'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice, usual } from '../gpu/device.testing.ts'
import { loadEngine } from '../gpu/engine.ts'
import { memorySource } from '../gpu/formats/bytes.testing.ts'
import { createChatCompletions, type TextEngine } from './chat-completions.ts'
import { LocalEngine, type MlcEngine } from './mlc-engine.ts'

const device = await openTestDevice()
const engine = await loadEngine({
  device,
  source: memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 256 })),
  ...usual(device),
})
await engine.addAdapter('a', tinyAdapter({ rank: 4, seed: 5 }))
afterAll(() => engine.dispose())

const chat = createChatCompletions(engine satisfies TextEngine, { model: 'tiny', now: () => 17, newId: () => 'x' })
const messages = [{ role: 'user' as const, content: 'Good morning' }]
const greedy = { messages, temperature: 0, max_tokens: 12 }
const promptTokens = engine.promptTokens(messages).length

async function read(stream: AsyncIterable<ChatCompletionChunk>): Promise<ChatCompletionChunk[]> {
  const chunks: ChatCompletionChunk[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return chunks
}
const textOf = (chunks: ChatCompletionChunk[]) => chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('')
const finishes = (chunks: ChatCompletionChunk[]) => chunks.flatMap(({ choices }) => choices.map((choice) => choice.finish_reason))

describe('create', () => {
  it('gives a whole answer in the shape, counted', async () => {
    const answer = await chat.create(greedy)
    expect(answer).toMatchObject({ id: 'chatcmpl-x', object: 'chat.completion', created: 17, model: 'tiny' })
    expect(answer.choices).toHaveLength(1)
    expect(answer.choices[0]).toMatchObject({ index: 0, finish_reason: 'length', message: { role: 'assistant' } })
    expect(answer.choices[0].message.content!.length).toBeGreaterThanOrEqual(12)
    expect(answer.usage).toMatchObject({ prompt_tokens: promptTokens, completion_tokens: 12, total_tokens: promptTokens + 12 })
    expect(answer.usage?.extra.decode_tokens_per_s).toBeGreaterThan(0)
  })

  it('streams the same text: role first, one finish_reason last, usage only when asked', async () => {
    const whole = await chat.create(greedy)
    const chunks = await read(await chat.create({ ...greedy, stream: true, stream_options: { include_usage: true } }))
    expect(chunks[0].choices[0].delta).toEqual({ role: 'assistant', content: '' })
    expect(textOf(chunks)).toBe(whole.choices[0].message.content)
    expect(finishes(chunks).filter((reason) => reason !== null)).toEqual(['length'])
    expect(finishes(chunks).at(-1)).toBe('length')
    expect(chunks.at(-1)).toMatchObject({ object: 'chat.completion.chunk', choices: [], usage: { completion_tokens: 12 } })
    const plain = await read(await chat.create({ ...greedy, stream: true }))
    expect(plain.every(({ usage }) => usage === undefined)).toBe(true)
    expect(plain.at(-1)?.choices[0].finish_reason).toBe('length')
  })

  it('ends at a stop string, which is not part of the text', async () => {
    const text = (await chat.create(greedy)).choices[0].message.content!
    const stop = text.slice(4, 6)
    const answer = await chat.create({ ...greedy, stop })
    expect(answer.choices[0]).toMatchObject({ finish_reason: 'stop', message: { content: text.slice(0, text.indexOf(stop)) } })
  })

  it('draws the same under the same seed, another text under another', async () => {
    const draw = async (seed: number) => (await chat.create({ messages, max_tokens: 16, seed })).choices[0].message.content
    expect(await draw(5)).toBe(await draw(5))
    expect(await draw(5)).not.toBe(await draw(6))
  })

  it('answers under an adapter where one is named', async () => {
    const [plain, adapted] = [await chat.create(greedy), await chat.create({ ...greedy, adapter: 'a' })]
    expect(adapted.choices[0].message.content).not.toBe(plain.choices[0].message.content)
  })

  it('ends an aborted stream with abort, and leaves the engine answering', async () => {
    const controller = new AbortController()
    const chunks: ChatCompletionChunk[] = []
    for await (const chunk of await chat.create({ ...greedy, max_tokens: 100, stream: true }, { signal: controller.signal })) {
      chunks.push(chunk)
      if (chunks.length === 4) controller.abort()
    }
    expect(finishes(chunks).at(-1)).toBe('abort')
    expect(textOf(chunks).length).toBeLessThan(40)
    expect((await chat.create(greedy)).choices[0].finish_reason).toBe('length')
  })

  it.each([
    [{ n: 2 }, 'request_unsupported', 'n'],
    [{ tools: [{ type: 'function' as const, function: { name: 'f' } }] }, 'request_unsupported', 'tools'],
    [{ temperature: 3 }, 'request_invalid', 'temperature'],
    [{ logit_bias: { one: 1 } }, 'request_invalid', 'logit_bias'],
    [{ response_format: { type: 'json_object' as const, schema: '{' } }, 'request_invalid', 'response_format'],
    [{ max_tokens: 1.5 }, 'request_invalid', 'max_tokens'],
    [{ messages: [] }, 'request_invalid', 'messages'],
    [{ model: 'other' }, 'request_invalid', 'model'],
    [
      { messages: [{ role: 'user' as const, content: [{ type: 'image_url' as const, image_url: { url: 'data:,' } }] }] },
      'request_unsupported',
      'messages',
    ],
  ])('refuses %j by name', async (fields, code, field) => {
    await expect(chat.create({ ...greedy, ...fields })).rejects.toMatchObject({ code, meta: { field } })
  })

  it('tells log probabilities of every token, whole and streamed alike', async () => {
    const asked = { ...greedy, logprobs: true, top_logprobs: 3 }
    const content = (await chat.create(asked)).choices[0].logprobs!.content!
    expect(content).toHaveLength(12)
    for (const { logprob, top_logprobs } of content) {
      // Greedy: the drawn token is the likeliest.
      expect(top_logprobs).toHaveLength(3)
      expect(top_logprobs[0].logprob).toBe(logprob)
      expect(top_logprobs.reduce((sum, likely) => sum + Math.exp(likely.logprob), 0)).toBeLessThanOrEqual(1 + 1e-6)
    }
    const chunks = await read(await chat.create({ ...asked, stream: true }))
    expect(chunks.flatMap(({ choices }) => choices[0]?.logprobs?.content ?? [])).toEqual(content)
    expect((await chat.create(greedy)).choices[0].logprobs).toBeNull()
  })

  it('bars a token by its bias, and passes the penalties on', async () => {
    let drawn: number[] = []
    for await (const event of engine.complete({ messages, maxTokens: 12, temperature: 0 })) if (event.type === 'end') drawn = event.tokens
    const barred = await chat.create({ ...greedy, logit_bias: { [drawn[0]]: -100 } })
    expect(barred.choices[0].message.content).not.toContain(engine.decode([drawn[0]]))
    const repeated = { messages, temperature: 0, max_tokens: 40 }
    const [plain, penalised] = [await chat.create(repeated), await chat.create({ ...repeated, frequency_penalty: 2, presence_penalty: 2 })]
    const kinds = (text: string) => new Set(text).size
    expect(kinds(penalised.choices[0].message.content!)).toBeGreaterThan(kinds(plain.choices[0].message.content!))
  })

  it('takes what asks for nothing, and text in parts', async () => {
    const parts = [{ role: 'user' as const, content: [...'Good morning'].map((text) => ({ type: 'text' as const, text })) }]
    const answer = await chat.create({ ...greedy, messages: parts, n: 1, tools: [], logit_bias: {}, stop: null })
    expect(answer.choices[0].message.content).toBe((await chat.create(greedy)).choices[0].message.content)
  })
})

describe('web-llm’s interface', () => {
  const open = async (_: string, progress: (fraction: number, words: string) => void) => {
    progress(1, 'loaded')
    return { engine: { ...engine, dispose: () => {} }, gpuVendor: 'none', maxStorageBufferBindingSize: 7 }
  }
  const local = new LocalEngine({ open })

  it('is web-llm’s own, by its types: a program written for it compiles on ours', async () => {
    // What a program does with an MLCEngine, typed by web-llm alone; `LocalEngine` must be assignable to it.
    const program = async (mlc: Pick<MLCEngineInterface, keyof MlcEngine & ('reload' | 'chatCompletion' | 'completion')>) => {
      await mlc.reload('tiny')
      const { choices } = await mlc.chatCompletion({
        messages: [{ role: 'user', content: 'Good morning' }],
        temperature: 0,
        max_tokens: 12,
      })
      const completed = await mlc.completion({ prompt: 'Once', temperature: 0, max_tokens: 3 })
      return [choices[0].message.content, completed.choices[0].text] as const
    }
    const seen: number[] = []
    local.setInitProgressCallback(({ progress }) => seen.push(progress))
    const [said, completed] = await program(local satisfies MlcEngine)
    expect(said).toBe((await chat.create(greedy)).choices[0].message.content)
    expect(await local.getMessage()).toBe(completed)
    expect(completed.length).toBeGreaterThanOrEqual(3)
    expect(seen).toEqual([1])
    expect(await local.runtimeStatsText()).toMatch(/decoding: \d/)
    expect([await local.getGPUVendor(), await local.getMaxStorageBufferBindingSize()]).toEqual(['none', 7])
  })

  it('streams text completions, and is interrupted from outside', async () => {
    await local.reload(['tiny'])
    let text = ''
    let finish: string | null = null
    for await (const { choices } of await local.completions.create({ prompt: 'Once', temperature: 0, max_tokens: 100, stream: true })) {
      text += choices[0].text
      finish = choices[0].finish_reason
      if (text.length >= 3) local.interruptGenerate()
    }
    expect(finish).toBe('abort')
    expect(text.length).toBeLessThan(40)
    expect(await local.getMessage()).toBe(text)
  })

  it('answers nothing when no model is loaded, and holds one at a time', async () => {
    await local.unload()
    await expect(local.chat.completions.create({ messages })).rejects.toMatchObject({ code: 'engine_not_ready' })
    await expect(local.reload(['a', 'b'])).rejects.toMatchObject({ code: 'request_unsupported' })
  })
})
