// Conversations as earlier versions of the page kept them, read into the present form. Nothing is written here; what was
// read old is written new when it next changes.
// Format 1 (no `format` field): a straight list in which an answer held its versions and `shown` was an index; every
// follow-up stood after whichever version was shown.
import type { Hex } from '../attribution/types.ts'
import type { AnswerVersion, Conversation, ConversationOptions, Message } from './conversation.ts'

interface OptionsOf1 {
  askWithSources: boolean
  datanets: string[]
  payContributors: boolean
  temperature: number
  seed?: number
}

type VersionOf1 = Omit<AnswerVersion, 'role' | 'id' | 'parent' | 'options' | 'speaker'> & {
  options: OptionsOf1
  adapter?: string | null
  receipt?: Hex
}

export interface ConversationOf1 {
  id: string
  title: string
  createdAt: number
  changedAt: number
  options: OptionsOf1
  messages: (
    | { role: 'user'; id: string; at: number; text: string }
    | { role: 'assistant'; id: string; versions: VersionOf1[]; shown: number }
  )[]
}

/** The one model there was in format 1. */
const MODEL_OF_1 = {
  engine: 'local' as const,
  model: 'SmolLM2-135M-Instruct',
  modelDigest: 'b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53',
}

export function upgradeConversation(found: Conversation | ConversationOf1): Conversation {
  if ('format' in found) return found
  const messages: Message[] = []
  const shown: Record<string, string> = {}
  let parent: string | null = null
  for (const message of found.messages) {
    if (message.role === 'user') {
      messages.push({ ...message, parent })
      parent = message.id
      continue
    }
    const question = parent ?? ''
    message.versions.forEach(({ adapter, options, ...version }, i) => {
      const id = i === message.shown ? message.id : `${message.id}.${i}`
      const speaker = adapter === undefined ? {} : { speaker: { ...MODEL_OF_1, adapter } }
      messages.push({ ...version, ...speaker, options: upgradeOptions(options), role: 'assistant', id, parent: question })
    })
    shown[question] = message.id
    parent = message.id
  }
  const { id, title, createdAt, changedAt } = found
  return { format: 2, id, title, createdAt, changedAt, options: upgradeOptions(found.options), messages, shown, queued: [] }
}

function upgradeOptions(options: OptionsOf1): ConversationOptions {
  return { ...options, adapter: 'auto' }
}
