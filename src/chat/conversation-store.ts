// Conversations kept in a record store, by id. The store is named by the three calls it must have, so that chat knows no
// IndexedDB; storage/records.ts fits. A heading is read from its conversation: one truth, no second record to fall behind.
// What an earlier version of the page wrote comes out in the present form.
import { type Conversation, type ConversationStore, headingOf } from './conversation.ts'
import { type ConversationOf1, upgradeConversation } from './conversation-upgrade.ts'

export interface ConversationRecords {
  get(key: string): Promise<Conversation | ConversationOf1 | undefined>
  set(key: string, value: Conversation): Promise<void>
  delete(key: string): Promise<void>
  entries(): Promise<[string, Conversation | ConversationOf1][]>
}

export function conversationStore(records: ConversationRecords): ConversationStore {
  return {
    async list() {
      const headings = (await records.entries()).map(([, found]) => headingOf('format' in found ? found : upgradeConversation(found)))
      return headings.sort((a, b) => b.changedAt - a.changedAt)
    },
    async load(id) {
      const found = await records.get(id)
      return found === undefined ? undefined : upgradeConversation(found)
    },
    save: (conversation) => records.set(conversation.id, conversation),
    remove: (id) => records.delete(id),
  }
}
