// What was found is found again; a store that fails costs a second test and nothing else.
import { expect, it } from 'vitest'
import { OpenChatError } from '../errors.ts'
import { memoryRecords } from '../storage/records.ts'
import { bootMemory } from './boot-memory.ts'

it('gives back what was kept, by its key', async () => {
  const memory = bootMemory(memoryRecords().open<string>('self-test'))
  await memory.keep('a', 'found')
  expect([await memory.recall('a'), await memory.recall('b')]).toEqual(['found', null])
})

it('remembers nothing where storage fails, and lets any other error through', async () => {
  const records = memoryRecords().open<string>('self-test')
  const failing = (code: string) => ({
    ...records,
    get: async () => Promise.reject(new OpenChatError(code, 'No.')),
    set: async () => Promise.reject(new OpenChatError(code, 'No.')),
  })
  const memory = bootMemory(failing('storage_full'))
  await memory.keep('a', 'found')
  expect(await memory.recall('a')).toBeNull()
  await expect(bootMemory(failing('namespace_invalid')).recall('a')).rejects.toMatchObject({ code: 'namespace_invalid' })
})
