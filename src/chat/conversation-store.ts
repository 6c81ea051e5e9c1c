// Conversations kept in a record store, by id. The store is named by the three calls it must have, so that chat knows no
// IndexedDB; storage/records.ts fits. A heading is read from its conversation: one truth, no second record to fall behind.
import type { Conversation, ConversationStore } from './conversation.ts'

export interface ConversationRecords {
  get(key: string): Promise<Conversation | undefined>
  set(key: string, value: Conversation): Promise<void>
  delete(key: string): Promise<void>
  entries(): Promise<[string, Conversation][]>
}

export function conversationStore(records: ConversationRecords): ConversationStore {
  return {
    async list() {
      const headings = (await records.entries()).map(([, { id, title, changedAt }]) => ({ id, title, changedAt }))
      return headings.sort((a, b) => b.changedAt - a.changedAt)
    },
    load: (id) => records.get(id),
    save: (conversation) => records.set(conversation.id, conversation),
    remove: (id) => records.delete(id),
  }
}
