// A better title for a conversation than the first words of its first question: the question without its manners, or the
// heading that the answer gave itself. A heuristic, no model: a title is not worth the seconds a small model would take for
// one, nor its mistakes. Offered, never forced.
import { type Conversation, path, titleFrom } from './conversation.ts'

const MANNERS =
  /^(?:(?:hi|hello|hey|please|kindly|ok|okay|so|well|now)\b[,!. ]*|(?:can|could|would|will) you (?:please )?(?:tell|show|explain to|give|help|write|say to)?\s*(?:me|us)?\b\s*(?:about |with )?|i(?:'d| would) like (?:to know|you to) (?:tell me )?(?:about )?|(?:tell|show|give) me (?:about |please )?|do you know\s+)/i

/** @returns null when there is none that is better than the present one */
export function suggestedTitle(conversation: Conversation): string | null {
  const [question, answer] = path(conversation)
  if (question === undefined) return null
  const heading = answer?.role === 'assistant' ? /^\s*#{1,3} +([^\n]{4,80}?)[ #]*(?:\n|$)/.exec(answer.text)?.[1] : undefined
  const title = titleFrom(heading === undefined ? bare(question.text) : heading.replace(/[*_`]/g, ''))
  return title === '' || title === conversation.title ? null : title
}

/** The first sentence of a question without greeting and politeness, its first letter large. */
function bare(question: string): string {
  let words = question.trim().replace(/\s+/g, ' ')
  for (let before = ''; before !== words; ) {
    before = words
    words = words.replace(MANNERS, '')
  }
  const sentence = /^.{12,}?[.!?](?=\s|$)/.exec(words)?.[0] ?? words
  const end = sentence.replace(/[.!]+$/, '')
  return end === '' ? question : end[0].toUpperCase() + end.slice(1)
}
