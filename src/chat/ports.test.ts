import type { ChatCompletionRequest } from '@mlc-ai/web-llm'
import { expect, test } from 'vitest'
import type { ChatRequest } from './ports.ts'

type Shared = Pick<ChatRequest, 'messages' | 'max_tokens' | 'temperature' | 'top_p' | 'seed' | 'stop'>

// Held by the compiler: what we ask of any engine is a request that web-llm's own types accept, so that its engine can stand
// behind the same port.
const asWebLlm = (request: Shared): ChatCompletionRequest => request

test('a chat request is one that web-llm takes', () => {
  const request: Shared = { messages: [{ role: 'user', content: 'Hi' }], max_tokens: 8, temperature: 0, stop: ['\n'] }
  expect(asWebLlm(request)).toBe(request)
})
