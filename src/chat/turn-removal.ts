// Taking a turn out of a conversation, and putting it back. A turn is a question with all its answers; what followed any of
// them moves up to where the question stood, so that nothing else is lost.
// Invariant: restoreTurn undoes removeTurn exactly, and loses nothing that was said in between.
import { type Conversation, findQuestion, type Message, type Question } from './conversation.ts'

export interface RemovedTurn {
  question: Question
  messages: Message[]
  /** Questions that followed an answer of the turn → that answer. */
  moved: Record<string, string>
  /** What was shown under the turn's messages, and where it stood. */
  shown: Record<string, string>
}

/** @returns null when there is no such question */
export function removeTurn(
  conversation: Conversation,
  questionId: string,
  now: number,
): { conversation: Conversation; removed: RemovedTurn } | null {
  const question = findQuestion(conversation, questionId)
  if (question === undefined) return null
  const gone = conversation.messages.filter(({ id, parent }) => id === questionId || parent === questionId)
  const ids = new Set(gone.map(({ id }) => id))
  const moved: Record<string, string> = {}
  const messages = conversation.messages.flatMap((message): Message[] => {
    if (ids.has(message.id)) return []
    if (message.role !== 'user' || message.parent === null || !ids.has(message.parent)) return [message]
    moved[message.id] = message.parent
    return [{ ...message, parent: question.parent }]
  })
  const place = question.parent ?? ''
  const shown = Object.fromEntries(Object.entries(conversation.shown).filter(([parent]) => !ids.has(parent)))
  const wasShown = conversation.shown[place]
  if (wasShown === questionId) {
    delete shown[place]
    // The follow-up that was in sight stays in sight.
    const answer = conversation.shown[questionId] ?? gone.at(-1)?.id ?? ''
    const follow = conversation.shown[answer] ?? Object.keys(moved).findLast((id) => moved[id] === answer)
    if (follow !== undefined) shown[place] = follow
  }
  const kept = Object.fromEntries(Object.entries(conversation.shown).filter(([parent]) => ids.has(parent)))
  return {
    conversation: { ...conversation, changedAt: now, messages, shown },
    removed: { question, messages: gone, moved, shown: wasShown === undefined ? kept : { ...kept, [place]: wasShown } },
  }
}

/** Puts the turn back where it stood. */
export function restoreTurn(conversation: Conversation, removed: RemovedTurn, now: number): Conversation {
  const back = conversation.messages.map((message) =>
    message.role === 'user' && removed.moved[message.id] !== undefined ? { ...message, parent: removed.moved[message.id] } : message,
  )
  // A parent stands before its children: the turn goes where its first follow-up was, or to the end.
  const at = back.findIndex(({ id }) => removed.moved[id] !== undefined)
  const messages = at === -1 ? [...back, ...removed.messages] : [...back.slice(0, at), ...removed.messages, ...back.slice(at)]
  return { ...conversation, changedAt: now, messages, shown: { ...conversation.shown, ...removed.shown } }
}
