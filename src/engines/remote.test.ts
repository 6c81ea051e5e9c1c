// The adapter to OpenAI-compatible endpoints against a server that says what each test wants, byte by byte.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { ChatEvent, ChatRequest } from '../chat/ports.ts'
import { endpointBase, endpointModels, remoteChat } from './remote.ts'

let answer: (request: IncomingMessage, response: ServerResponse, body: string) => void
let asked: { url: string; key: string | undefined; body: Record<string, unknown> }
let server: Server
let url: string
const never = new AbortController().signal

beforeAll(async () => {
  server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    asked = { url: request.url!, key: request.headers.authorization, body: body === '' ? {} : JSON.parse(body) }
    answer(request, response, body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
})

const request: ChatRequest = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 9, temperature: 0, adapter: null }
const delta = (content: string, finish: string | null = null) =>
  `data: ${JSON.stringify({ choices: [{ index: 0, delta: { content }, finish_reason: finish }] })}\n\n`

async function chat(given: Partial<ChatRequest> = {}, signal = never, key = ''): Promise<{ text: string; events: ChatEvent[] }> {
  const events: ChatEvent[] = []
  let text = ''
  for await (const event of remoteChat({ url, model: 'm', key }, { ...request, ...given }, signal)) {
    events.push(event)
    if (event.type === 'token') text += event.text
  }
  return { text, events }
}

/** Writes a stream in pieces of so many bytes. */
const stream =
  (text: string, size = 7) =>
  async (_: IncomingMessage, response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length; at += size) {
      response.write(bytes.subarray(at, at + size))
      if (at % 70 === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    }
    response.end()
  }

describe('an endpoint', () => {
  test('streams an answer whose bytes are cut anywhere, with its usage', async () => {
    const usage = 'data: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":4}}\n\n'
    answer = stream(`: ping\n\n${delta('Grüße')}${delta(' 👋🏽')}${delta(' and so on', 'stop')}${usage}data: [DONE]\n\n`)
    const { text, events } = await chat(
      { top_p: 0.9, seed: 4, stop: ['x'], min_p: 0.1, presence_penalty: 1, repetition_penalty: 2 },
      never,
      'secret',
    )
    expect(text).toBe('Grüße 👋🏽 and so on')
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'stop', usage: { promptTokens: 12, completionTokens: 4 } })
    expect(asked.url).toBe('/v1/chat/completions')
    expect(asked.key).toBe('Bearer secret')
    expect(asked.body).toMatchObject({ model: 'm', stream: true, max_tokens: 9, temperature: 0, top_p: 0.9, seed: 4, stop: ['x'] })
    expect(asked.body).toMatchObject({ min_p: 0.1, presence_penalty: 1 })
    expect(asked.body).not.toHaveProperty('adapter')
    // Servers have two names for it, and refuse the other.
    expect(asked.body).not.toHaveProperty('repetition_penalty')
  })

  test('is given begun words to continue, and is not believed when it says them again', async () => {
    answer = stream(`${delta('From the')}${delta(' record: the')}${delta(' sea', 'length')}`)
    const { text, events } = await chat({ begin: 'From the record:' })
    expect(text).toBe(' the sea')
    expect(events.at(-1)).toMatchObject({ reason: 'length' })
    expect(asked.body.messages).toEqual([...request.messages, { role: 'assistant', content: 'From the record:' }])
    expect(asked.body.continue_final_message).toBe(true)
    answer = stream(`${delta(' From afar')}${delta(' it came', 'stop')}`)
    expect((await chat({ begin: 'From the record:' })).text).toBe(' From afar it came')
  })

  test('is left when the visitor stops, with what was said', async () => {
    const controller = new AbortController()
    let closed = false
    answer = (incoming, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      response.write(delta('one'))
      incoming.socket.on('close', () => {
        closed = true
      })
      setTimeout(() => controller.abort(), 30)
    }
    const { text, events } = await chat({}, controller.signal)
    expect(text).toBe('one')
    expect(events.at(-1)).toMatchObject({ type: 'end', reason: 'cancelled' })
    await expect.poll(() => closed).toBe(true)
  })

  test.each([
    [401, 'did not accept the key'],
    [404, 'no such model'],
    [429, 'too many requests'],
    [503, 'answered 503'],
  ])('that answers %i is a typed error with what it says, never the key', async (status, reason) => {
    answer = (_, response) => response.writeHead(status).end('{"error":{"message":"No, thanks."}}')
    const error = await chat({}, never, 'secret').catch((thrown) => thrown)
    expect(error).toMatchObject({ code: 'endpoint_refused', meta: { status } })
    expect(error.message).toContain(reason)
    expect(error.message).toContain('No, thanks.')
    expect(JSON.stringify([error.message, error.meta])).not.toContain('secret')
  })

  test.each([
    ['junk in the stream', 'data: {"choices":[{"del\n\n'],
    ['HTML', '<html><body>hello</body></html>'],
    ['no choices', 'data: {"id":1}\n\n'],
    ['a stream that breaks off', delta('half')],
  ])('that sends %s is malformed', async (_, text) => {
    answer = stream(text)
    await expect(chat()).rejects.toMatchObject({ code: 'endpoint_malformed' })
  })

  test('that says an error in mid-stream is refused, and one that hangs up is unreachable', async () => {
    answer = stream(`${delta('so')}data: {"error":{"message":"overloaded"}}\n\n`)
    await expect(chat()).rejects.toMatchObject({ code: 'endpoint_refused' })
    answer = (_, response) => {
      response.writeHead(200)
      response.write(delta('so'))
      setTimeout(() => response.destroy(), 10)
    }
    await expect(chat()).rejects.toMatchObject({ code: 'endpoint_unreachable' })
    await expect(endpointModels('http://127.0.0.1:9', '', never)).rejects.toMatchObject({ code: 'endpoint_unreachable' })
  })

  test('lists its models', async () => {
    answer = (_, response) => response.end('{"data":[{"id":"a"},{"id":"b"},{"x":1},null]}')
    expect(await endpointModels(url, '', never)).toEqual(['a', 'b'])
    expect(asked).toMatchObject({ url: '/v1/models', key: undefined })
    answer = (_, response) => response.end('[]')
    await expect(endpointModels(url, '', never)).rejects.toMatchObject({ code: 'endpoint_malformed' })
  })
})

test('the address of an endpoint is safe, and its /v1 is understood', () => {
  expect(endpointBase('https://a.example')).toBe('https://a.example/v1/')
  expect(endpointBase(' https://a.example/api/v1/ ')).toBe('https://a.example/api/v1/')
  expect(endpointBase('http://localhost:8000/v1/chat/completions')).toBe('http://localhost:8000/v1/')
  for (const url of ['http://a.example', 'ftp://a.example', 'nonsense', 'https://user:pass@a.example', 'javascript:alert(1)']) {
    expect(() => endpointBase(url)).toThrow(expect.objectContaining({ code: 'endpoint_invalid' }))
  }
})
