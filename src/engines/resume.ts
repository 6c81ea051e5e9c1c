// One message out of several tries: when the engine under a chat goes away (a lost device, a closed tab, a lack of memory),
// the chat is asked again with the words said so far as its beginning. Not a retry of requests that were refused.
// Invariants: the texts of all token events, joined, are one text without a lost or doubled word, since a try begins exactly
// where the last event ended; a try that says nothing new counts towards giving up.
import type { ChatEvent, ChatRequest, ChatUsage } from '../chat/ports.ts'
import { asOpenChatError, type OpenChatError } from '../errors.ts'

/** What ends a try and not the message. */
export const INTERRUPTIONS: readonly string[] = ['device_lost', 'gpu_out_of_memory', 'engine_disposed']
const MOST_FRUITLESS = 3

export interface Resumption {
  chat(request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent>
  /** Resolves when a new try makes sense. @throws what makes it impossible */
  recover(interruption: OpenChatError, signal: AbortSignal): Promise<void>
}

/** @throws what a try threw when it is no interruption, or when three in a row said nothing */
export async function* resumed(
  engine: Resumption,
  request: ChatRequest,
  signal: AbortSignal,
  interruptions = INTERRUPTIONS,
): AsyncGenerator<ChatEvent> {
  const began = performance.now()
  let firstTokenMs = 0
  let said = ''
  let tokens = 0
  let fruitless = 0
  while (true) {
    const before = tokens
    try {
      const rest = { ...request, max_tokens: request.max_tokens - tokens, ...(said === '' ? {} : { begin: (request.begin ?? '') + said }) }
      for await (const event of engine.chat(rest, signal)) {
        if (event.type === 'token') {
          if (tokens === 0) firstTokenMs = performance.now() - began
          said += event.text
          tokens++
        }
        yield event.type === 'end' && before > 0 ? { ...event, usage: joined(event.usage, before, firstTokenMs) } : event
      }
      return
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      fruitless = tokens > before ? 0 : fruitless + 1
      if (!interruptions.includes(error.code) || signal.aborted || fruitless >= MOST_FRUITLESS) throw error
      await engine.recover(error, signal)
      if (tokens < request.max_tokens) continue
      const usage = joined(
        { promptTokens: 0, completionTokens: 0, firstTokenMs, tokensPerSecond: 0, dispatchesPerToken: 0 },
        tokens,
        firstTokenMs,
      )
      yield { type: 'end', reason: 'length', usage }
      return
    }
  }
}

/** The last try took the earlier words for its prompt; the message did not. */
const joined = (last: ChatUsage, earlier: number, firstTokenMs: number): ChatUsage => ({
  ...last,
  promptTokens: Math.max(0, last.promptTokens - earlier),
  completionTokens: last.completionTokens + earlier,
  firstTokenMs,
})
