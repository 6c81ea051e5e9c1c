// What the archive worker offers, as types.
import type { Conversation } from '../chat/conversation.ts'

export interface ArchiveWorker {
  /**
   * What a chosen file holds, in parts that are small enough to cross to the page without stopping it. All of the file is read
   * before the first part comes. @throws import_invalid, import_too_large, import_unknown
   */
  read(file: File, now: number): AsyncIterable<Conversation[]>
  /** All of them as one zip, pulled one by one. `now` in ms since the epoch. */
  zip(conversations: AsyncIterable<Conversation>, now: number): Promise<Blob>
}
