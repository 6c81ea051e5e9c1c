// The light client against a real node: headers and proofs as anvil makes them, with state set by its own test methods.
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import type { Hex } from '../../attribution/types.ts'
import { toHex, uintWord } from '../../attribution/words.ts'
import { storageLayout } from '../contracts.generated.ts'
import { createLightClient } from './client.ts'
import { createContractState } from './contract-state.ts'
import { httpRpc, type Rpc } from './rpc.ts'
import { locate, type Step } from './slots.ts'

const CHAIN_ID = 42069
const contract = (n: number): Hex => `0x${String(n).repeat(40)}`
const addresses = { wopen: contract(1), datanets: contract(2), attributions: contract(3), payouts: contract(4) }
const PAYER: Hex = '0xaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'

let anvil: ChildProcess
let rpc: Rpc

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

const set = (address: Hex, path: Step[], value: bigint) => {
  const layout = Object.entries(addresses).find(([, held]) => held === address)![0] as keyof typeof addresses
  const place = locate(storageLayout[layout], path)
  return rpc.request('anvil_setStorageAt', [address, place.slot, toHex(uintWord(value << BigInt(8 * place.offset)))])
}

beforeAll(async () => {
  const require = createRequire(import.meta.url)
  const platform = `@foundry-rs/anvil-${process.platform}-${process.arch === 'x64' ? 'amd64' : process.arch}`
  const binary = join(dirname(require.resolve(`${platform}/package.json`)), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
  const port = await freePort()
  anvil = spawn(binary, ['--network', 'optimism', '--chain-id', String(CHAIN_ID), '--port', String(port), '--silent'], { stdio: 'ignore' })
  rpc = httpRpc(`http://127.0.0.1:${port}`, { timeoutMs: 5000 })
  await vi.waitFor(() => rpc.request('eth_chainId', []), { timeout: 20_000 })
  for (const address of Object.values(addresses)) await rpc.request('anvil_setCode', [address, '0x00'])
  await rpc.request('anvil_setBalance', [PAYER, '0xde0b6b3a7640000'])
  await set(addresses.attributions, ['parametersHash'], 0xbeefn)
  await set(addresses.attributions, ['deposits', PAYER, 'balance'], 10n ** 17n)
  await set(addresses.attributions, ['batches', 3, 'status'], 2n)
  await set(addresses.attributions, ['batches', 3, 'windowEnd'], 1_900_000_000n)
  await set(addresses.datanets, ['datanets', 1n, 'contributions'], 43n)
  await set(addresses.datanets, ['headAt', 1n, 43], 77n)
  await rpc.request('evm_mine', [])
})

afterAll(() => {
  anvil.kill('SIGKILL')
})

describe('light client over anvil', () => {
  it('recomputes its header hash and proves contract values, balances and absences', async () => {
    const state = createContractState(createLightClient({ chainId: CHAIN_ID, rpcs: [rpc] }), addresses)
    const pinned = await state.pin()
    expect(pinned.number).toBeGreaterThanOrEqual(1n)
    expect((await state.parametersHash(pinned)).value).toBe(toHex(uintWord(0xbeefn)))
    expect((await state.deposit(pinned, PAYER)).value).toBe(10n ** 17n)
    expect((await state.balance(pinned, PAYER)).value).toBe(10n ** 18n)
    expect((await state.balance(pinned, contract(9))).value).toBe(0n)
    expect((await state.headAt(pinned, 1n, 43)).value).toBe(toHex(uintWord(77n)))
    expect((await state.headAt(pinned, 1n, 44)).value).toBe(toHex(uintWord(0n)))
    expect((await state.batch(pinned, 3)).value).toMatchObject({ windowEnd: 1_900_000_000, total: 0n })
    expect((await state.datanet(pinned, 1n)).value).toMatchObject({ contributions: 43, name: '' })
    expect((await state.paid(pinned, 1)).value).toBe(0n)
  })

  it('keeps reading the pinned block after newer ones, and refuses one that was reorganised away', async () => {
    const state = createContractState(createLightClient({ chainId: CHAIN_ID, rpcs: [rpc] }), addresses)
    const receiver = contract(8)
    const send = async () => {
      const [from] = (await rpc.request('eth_accounts', [])) as Hex[]
      const sent = await rpc.request('eth_sendTransaction', [{ from, to: receiver, value: '0x7' }])
      // The hash comes before the block: a pin taken now could still be the block before.
      await vi.waitFor(async () => expect(await rpc.request('eth_getTransactionReceipt', [sent])).not.toBeNull(), { timeout: 20_000 })
    }
    await send()
    const pinned = await state.pin()
    await send()
    const newer = await state.pin()
    expect(newer.number).toBe(pinned.number + 1n)
    expect((await state.balance(newer, receiver)).value).toBe(14n)
    expect((await state.balance(pinned, receiver)).value).toBe(7n)
    await rpc.request('anvil_reorg', [1, []])
    await expect(state.balance(newer, receiver)).rejects.toMatchObject({ code: 'rpc_refused' })
  })
})
