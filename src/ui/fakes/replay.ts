// The fake of "Did this model say this?". Knob in the query: `replay=other|unrecorded`, what comes of it.
import type { VerifyStep } from '../services.ts'

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export async function* fakeReplay(knob: string | null, signal: AbortSignal): AsyncGenerator<VerifyStep> {
  const step = { id: 'said', title: 'This model said this', level: 'owner' as const }
  yield { ...step, status: 'pending', detail: '', ms: 0 }
  await pause(300)
  signal.throwIfAborted()
  if (knob === 'unrecorded') yield { ...step, status: 'unknown', detail: 'Not recorded.', ms: 1 }
  else if (knob === 'other') {
    const detail = '1 of 64 tokens are not what this model says; the first is token 12.'
    yield { ...step, status: 'failed', detail, expected: 'a token that these settings could draw', got: 'number 3 by likelihood', ms: 812 }
  } else yield { ...step, status: 'ok', detail: 'Said again here: each of 64 tokens is the likeliest.', ms: 812 }
}
