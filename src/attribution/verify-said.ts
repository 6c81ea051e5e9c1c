// "This model said this": what a replay found, judged against the receipt. The replay itself needs the model, so it runs where
// the model is and comes here as plain findings; attribution knows no GPU.
// Not one of verify.ts's steps: those need no model. It is shown after them, and it is the owner's alone.
import { decodeContent } from './receipt-codec.ts'
import type { ReplayAsk, ReplayFindings, Utterance } from './types.ts'
import type { OwnerReceipt, StepFinding, VerifyStepDefinition } from './verify.ts'

export const saidStep: Pick<VerifyStepDefinition, 'id' | 'title' | 'level'> = {
  id: 'said',
  title: 'This model said this',
  level: 'owner',
}

/** null where the receipt keeps no record of what was drawn. @throws receipt_invalid */
export function replayAsk({ content, owner }: OwnerReceipt): ReplayAsk | null {
  if (owner?.said === undefined) return null
  const { model, adapters } = decodeContent(content)
  return { model, adapters, said: owner.said }
}

/** @param found null: nothing was recorded */
export function judgeReplay({ owner }: OwnerReceipt, found: ReplayFindings | null): StepFinding {
  if (owner === undefined) return { status: 'unknown', detail: 'Only who holds the answer and its record can check this.' }
  if (owner.said === undefined || found === null) {
    return { status: 'unknown', detail: 'Not recorded: this receipt keeps neither the tokens that were drawn nor how.' }
  }
  const { said } = owner
  if (!isAnswer(said, found.text, owner.answer)) {
    return {
      status: 'failed',
      detail: 'The recorded tokens are not the words of this answer.',
      expected: owner.answer,
      got: said.begin + found.text,
    }
  }
  const question = plain(owner.prompt.trim().split('\n').at(-1) ?? '')
  const prompt = plain(found.promptText)
  if (!prompt.includes(question)) {
    return { status: 'failed', detail: 'The recorded prompt does not hold what the visitor asked.', expected: question }
  }
  if (!prompt.endsWith(plain(said.begin))) {
    return { status: 'failed', detail: 'The recorded prompt does not end as the answer begins.', expected: said.begin }
  }
  if (found.first !== null) return refused(found, found.first)
  const how = said.sampler.temperature === 0 ? 'the likeliest' : `what seed ${said.sampler.seed} draws`
  const told = found.worstOff === null ? '' : `; their log probabilities differ by ${found.worstOff.toFixed(5)} at most`
  return { status: 'ok', detail: `Said again here: each of ${found.tokens} tokens is ${how}, within ${found.tolerance} of a logit${told}.` }
}

function refused(
  { tokens, refused, tolerance }: ReplayFindings,
  { at, rank, gap, reason }: NonNullable<ReplayFindings['first']>,
): StepFinding {
  const words = `${refused} of ${tokens} tokens are not what this model says; the first is token ${at + 1}.`
  if (reason === 'logprob')
    return { status: 'failed', detail: words, expected: 'the log probability that was recorded', got: 'another one' }
  return {
    status: 'failed',
    detail: words,
    expected: `a token that these settings could draw, within ${tolerance} of a logit`,
    got: `number ${rank + 1} by likelihood, ${gap.toFixed(3)} below the first`,
  }
}

/** What was drawn goes on the begun words, and ends where the answer does or with a stop string. */
function isAnswer({ begin, stop }: Utterance, text: string, answer: string): boolean {
  if (!answer.startsWith(begin)) return false
  const rest = answer.slice(begin.length)
  const beyond = text.slice(rest.length)
  return text.startsWith(rest) && (beyond === '' || stop.some((word) => beyond.startsWith(word)))
}

/** Templates trim, and sources are put on one line. */
const plain = (text: string): string => text.normalize('NFC').replace(/\s+/gu, ' ').trim()
