// What every kind of export becomes: turns that ask nothing of anybody. Shared by archive-read.ts and archive-foreign.ts.
import { OpenChatError } from '../errors.ts'
import type { ConversationOptions, Message } from './conversation.ts'

/** Options of what comes from elsewhere: it asks nothing of anybody until the visitor does. */
export const PLAIN_OPTIONS: ConversationOptions = {
  askWithSources: false,
  datanets: [],
  payContributors: false,
  adapter: 'auto',
  temperature: 0,
}

export interface ReadContext {
  now: number
  newId: () => string
}

export function unknown(): OpenChatError {
  return new OpenChatError('import_unknown', 'This file is no export of conversations that can be read here.', {
    action: 'Choose a JSON, Markdown or zip export of Open Chat, or a conversations.json of ChatGPT or Open WebUI.',
  })
}

/** A message of a straight conversation; null when it does not follow `parent`. */
export function turnOf(role: Message['role'], words: string, parent: string | null, at: number, id: string): Message | null {
  if (role === 'user') return { role, id, parent, at, text: words }
  if (parent === null) return null
  return { role, id, parent, at, text: words, state: 'complete', options: PLAIN_OPTIONS, marks: [], imported: true }
}
