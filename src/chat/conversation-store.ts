// Conversations kept in a record store, by id. The store is named by the three calls it must have, so that chat knows no
// IndexedDB; storage/records.ts fits. A heading is read from its conversation: one truth, no second record to fall behind.
// What an earlier version of the page wrote comes out in the present form.
import { type Conversation, type ConversationHeading, type ConversationStore, headingOf } from './conversation.ts'
import { type ConversationOf1, upgradeConversation } from './conversation-upgrade.ts'

export interface ConversationRecords {
  get(key: string): Promise<Conversation | ConversationOf1 | undefined>
  set(key: string, value: Conversation): Promise<void>
  delete(key: string): Promise<void>
  keys(): Promise<string[]>
}

/** Read beside each other for the list of headings; each arrives in a task of its own, so that none of them holds the page. */
const TOGETHER = 16

export function conversationStore(records: ConversationRecords): ConversationStore {
  return {
    async list() {
      const ids = await records.keys()
      const headings: ConversationHeading[] = []
      const read = async () => {
        for (let id = ids.pop(); id !== undefined; id = ids.pop()) {
          const found = await records.get(id)
          // One may be deleted meanwhile, in another tab.
          if (found !== undefined) headings.push(headingOf('format' in found ? found : upgradeConversation(found)))
        }
      }
      await Promise.all(Array.from({ length: TOGETHER }, read))
      return headings.sort((a, b) => b.changedAt - a.changedAt || (a.id < b.id ? -1 : 1))
    },
    async load(id) {
      const found = await records.get(id)
      return found === undefined ? undefined : upgradeConversation(found)
    },
    save: (conversation) => records.set(conversation.id, conversation),
    remove: (id) => records.delete(id),
  }
}
