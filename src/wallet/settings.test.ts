import { describe, expect, it } from 'vitest'
import { memoryRecords } from '../storage/records.ts'
import { lastSettings, loadSettings, parseSettings } from './settings.ts'

const address = '0x5FbDB2315678afecb367f032d93F642f64180aa3'
const valid = {
  chainId: 42069,
  rpcUrl: 'http://127.0.0.1:8545',
  daUrl: 'http://127.0.0.1:3100',
  validatorUrls: ['http://127.0.0.1:3200'],
  faucetUrl: 'http://127.0.0.1:3300',
  addresses: { wopen: address, datanets: address, attributions: address, payouts: address },
  later: 'fields are let through',
}

const serving = (body: string, status = 200) => (async () => new Response(body, { status })) as typeof fetch

describe('settings', () => {
  it('reads what npm start writes', async () => {
    const settings = await loadSettings('/devnet.json', serving(JSON.stringify(valid)))
    expect(settings).toMatchObject({ chainId: 42069, rpcUrls: [], addresses: { payouts: address.toLowerCase() } })
    expect(parseSettings({ ...valid, faucetUrl: null }).faucetUrl).toBeNull()
  })

  it('says that there is no chain when nothing is served', async () => {
    for (const fetch of [
      serving('not found', 404),
      serving('<!doctype html>'),
      (() => Promise.reject(new TypeError('net'))) as typeof globalThis.fetch,
    ]) {
      await expect(loadSettings('/devnet.json', fetch)).rejects.toMatchObject({ code: 'settings_absent' })
    }
  })

  it.each([
    ['chainId', { ...valid, chainId: '42069' }],
    ['rpcUrl', { ...valid, rpcUrl: 'nowhere' }],
    ['addresses.payouts', { ...valid, addresses: { ...valid.addresses, payouts: '0x12' } }],
    ['the whole', null],
  ])('names %s when it is wrong', (field, value) => {
    expect(() => parseSettings(value)).toThrow(expect.objectContaining({ code: 'settings_invalid', meta: { field } }))
  })

  it('remembers them for when nobody answers, and for nothing else', async () => {
    const records = memoryRecords()
    const dead = (() => Promise.reject(new TypeError('net'))) as typeof globalThis.fetch
    await expect(lastSettings(records, '/devnet.json', dead)).rejects.toMatchObject({ code: 'settings_absent' })
    const served = await lastSettings(records, '/devnet.json', serving(JSON.stringify(valid)))
    expect(await lastSettings(records, '/devnet.json', dead)).toEqual(served)
    await expect(lastSettings(records, '/devnet.json', serving('gone', 404))).rejects.toMatchObject({ code: 'settings_absent' })
  })
})
