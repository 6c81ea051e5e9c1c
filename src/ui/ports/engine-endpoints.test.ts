import { expect, test } from 'vitest'
import { memoryRecords } from '../../storage/records.ts'
import { EngineSettings } from './engine-endpoints.ts'

const draft = { url: 'https://a.example/v1', model: 'm', key: 'secret-7', keep: 'encrypted' as const }

test('an encrypted key outlives the page and lies nowhere in the open', async () => {
  const records = memoryRecords()
  const added = await new EngineSettings(records).add(draft)
  const held = await records.open<Record<string, unknown>>('engine').get('engine')
  const { seal, ...rest } = held!
  expect((seal as CryptoKey).extractable).toBe(false)
  const { ciphertext } = added.sealed!
  expect(JSON.stringify(rest)).not.toContain('secret-7')
  expect(Buffer.from(ciphertext).toString('latin1')).not.toContain('secret-7')
  const later = new EngineSettings(records)
  expect(await later.opened((await later.endpoints())[0]!)).toEqual({ url: draft.url, model: 'm', key: 'secret-7' })
})

test('a key in memory is gone with the page, and that is said', async () => {
  const records = memoryRecords()
  const now = new EngineSettings(records)
  const added = await now.add({ ...draft, keep: 'memory' })
  expect(added.sealed).toBeNull()
  expect((await now.opened(added)).key).toBe('secret-7')
  await expect(new EngineSettings(records).opened(added)).rejects.toMatchObject({ code: 'endpoint_key_missing' })
})

test('an id is never used twice, and the choice is kept', async () => {
  const settings = new EngineSettings(memoryRecords())
  const first = await settings.add({ ...draft, key: '' })
  await settings.remove(first.id)
  expect((await settings.add({ ...draft, key: '' })).id).not.toBe(first.id)
  await settings.choose('cpu:1')
  expect(await settings.chosen()).toBe('cpu:1')
  expect(await settings.opened((await settings.endpoints())[0]!)).toEqual({ url: draft.url, model: 'm', key: '' })
})
