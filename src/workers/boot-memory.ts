// Where the gpu worker keeps what the engine's self-test found, by adapter and shaders: records in IndexedDB.
// Not needed for an answer: where storage fails or is full, the test simply runs again at the next load.
import { asOpenChatError } from '../errors.ts'
import type { BootMemory } from '../gpu/boot.ts'
import type { Records } from '../storage/records.ts'

export function bootMemory(records: Records<string>): BootMemory {
  const orNothing = <T>(work: Promise<T>): Promise<T | null> =>
    work.catch((error: unknown) => {
      if (['storage_failed', 'storage_full'].includes(asOpenChatError(error).code)) return null
      throw error
    })
  return {
    recall: async (key) => (await orNothing(records.get(key))) ?? null,
    keep: async (key, value) => {
      await orNothing(records.set(key, value))
    },
  }
}
