// The validator as a process of its own: it serves, says what goes wrong, and leaves nothing behind, also when it is closed before
// it was told to start.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import type { OpenChatError } from '../src/errors.ts'
import { PARAMETERS } from './receipts.testing.ts'
import { forkValidator, type ValidatorChild } from './validator-child.ts'

let child: ValidatorChild | undefined
let folder: string | undefined
afterEach(async () => {
  await child?.close()
  if (folder) await rm(folder, { recursive: true, force: true })
})

const address = `0x${'5f'.repeat(20)}` as const
const addresses = { wopen: address, datanets: address, attributions: address, payouts: address }
/** Nobody listens there. */
const DEAD = 'http://127.0.0.1:9'

it('serves, reports that its chain is away, and is gone when closed', async () => {
  folder = await mkdtemp(join(tmpdir(), 'open-chat-validator-child-'))
  const troubles: OpenChatError[] = []
  child = forkValidator()
  const options = { rpcUrl: DEAD, daUrl: DEAD, addresses, parameters: PARAMETERS, folder }
  const settings = { chainId: 42069, rpcUrl: DEAD, daUrl: DEAD, addresses }
  const { url, close } = await child.start({ options, corpus: { modelPath: 'none', datanets: {} }, settings }, (error) =>
    troubles.push(error),
  )
  const answer = await fetch(`${url}/receipts/0x${'00'.repeat(32)}`)
  expect([answer.status, ((await answer.json()) as { error: { code: string } }).error.code]).toEqual([404, 'not_found'])
  await expect.poll(() => troubles.length, { timeout: 20_000 }).toBeGreaterThan(0)
  await close()
  await expect(fetch(url)).rejects.toThrow()
})

it('is gone when closed before it was told anything', async () => {
  child = forkValidator()
  await child.close()
})

it('that cannot start says why', async () => {
  child = forkValidator()
  const options = { rpcUrl: DEAD, daUrl: DEAD, addresses, parameters: PARAMETERS, folder: join(import.meta.filename, 'nowhere') }
  const settings = { chainId: 42069, rpcUrl: DEAD, daUrl: DEAD, addresses }
  await expect(child.start({ options, corpus: { modelPath: 'none', datanets: {} }, settings }, () => undefined)).rejects.toMatchObject({
    shortMessage: expect.stringContaining('nowhere'),
  })
})
