// What a local model was given and what it drew, as its owner keeps it beside a receipt: enough to let the model say it again.
// Never part of what is signed, posted or published. Not a replay (src/gpu does that), and not the text: tokens are the model's.
// The prompt is kept as tokens because a template may write today's date into it.

import type { Utterance } from './types.ts'

/** Digits of a kept log probability: a hundredth of what two backends may differ by. */
const places = 5

/** Log probabilities as they are kept: a file of a long answer should stay small. */
export const roundedLogprob = (logprob: number): number => Number(logprob.toFixed(places))

const settings = ['temperature', 'topK', 'topP', 'minP', 'repetitionPenalty', 'presencePenalty', 'frequencyPenalty', 'seed'] as const

/** What a receipt file holds, checked. @throws TypeError */
export function parseUtterance(value: unknown): Utterance {
  const { prompt, drawn, logprobs, sampler, begin, stop } = object(value)
  const rule = object(sampler)
  const numbers = settings.flatMap((name) => (rule[name] === undefined ? [] : [[name, finite(rule[name])] as const]))
  const said: Utterance = {
    prompt: list(prompt, id),
    drawn: list(drawn, id),
    logprobs: logprobs === null ? null : list(logprobs, finite),
    sampler: { temperature: finite(rule.temperature), seed: id(rule.seed), ...Object.fromEntries(numbers) },
    begin: text(begin),
    stop: list(stop, text),
  }
  if (rule.logitBias !== undefined) {
    said.sampler.logitBias = Object.fromEntries(
      Object.entries(object(rule.logitBias)).map(([token, bias]) => [id(Number(token)), finite(bias)]),
    )
  }
  if (said.logprobs !== null && said.logprobs.length !== said.drawn.length) throw new TypeError('a log probability for each drawn token')
  return said
}

function object(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null) throw new TypeError('not an object')
  return value as Record<string, unknown>
}

function list<T>(value: unknown, each: (item: unknown) => T): T[] {
  if (!Array.isArray(value)) throw new TypeError('not a list')
  return value.map(each)
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('not a string')
  return value
}

function finite(value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) throw new TypeError('not a number')
  return value
}

function id(value: unknown): number {
  const number = finite(value)
  if (!Number.isInteger(number) || number < 0 || number >= 2 ** 32) throw new TypeError('not a token')
  return number
}
