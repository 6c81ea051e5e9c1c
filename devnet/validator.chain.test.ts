// A validator beside others who fail or cheat: a DA layer that refuses, a poster who moves pay and is refuted. Two keys, one
// chain.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { merkleTree } from '../src/attribution/merkle.ts'
import { batchLines, linesTree, shareLeaf } from '../src/attribution/receipt-shares.ts'
import type { OpenChatError } from '../src/errors.ts'
import { attributionsAbi, datanetsAbi } from '../src/wallet/contracts.generated.ts'
import { rpc } from './anvil.ts'
import { reader, sender } from './chain.ts'
import { repository } from './compile.ts'
import { type DaFailure, startDaServer } from './da-server.ts'
import { BOND } from './deploy.ts'
import type { HttpServer } from './http.ts'
import { type CheckedForm, formText, type SignedForm } from './receipt-form.ts'
import { AUTHORS, PARAMETERS, payerNamed, SEED, signedReceipt } from './receipts.testing.ts'
import { type Devnet, startDevnet } from './start.ts'
import { type ReceiptStatus, startValidator, type Validator } from './validator.ts'

const payer = payerNamed('payer')
const second = payerNamed('second validator')
const cheat = payerNamed('cheat')
const challenger = payerNamed('challenger')
const thief = `0x${'f'.repeat(40)}` as Hex
let stateDir: string
let devnet: Devnet
let da: HttpServer
let failure: DaFailure = null
let validator: Validator
const troubles: OpenChatError[] = []

const attributions = () => ({ address: devnet.settings.addresses.attributions, abi: attributionsAbi }) as const
const chain = () => reader(devnet.settings.rpcUrl)
const as = (who: typeof payer) => sender(devnet.settings.rpcUrl, who)
const lookUp = async (url: string, id: Hex) => (await (await fetch(`${url}/receipts/${id}`)).json()) as ReceiptStatus
const deposit = async () => (await chain().readContract({ ...attributions(), functionName: 'deposits', args: [payer.address] }))[0]
const until = (url: string, id: Hex, state: ReceiptStatus['state']) =>
  vi.waitFor(async () => expect((await lookUp(url, id)).state).toBe(state), { timeout: 20_000, interval: 100 })

async function post(url: string, form: SignedForm): Promise<number> {
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: formText(form) }
  return (await fetch(`${url}/receipts`, init)).status
}

async function receipt(nonce: bigint): Promise<SignedForm> {
  const { datanets, attributions: contract } = devnet.settings.addresses
  const head = await chain().readContract({ address: datanets, abi: datanetsAbi, functionName: 'headAt', args: [1n, 2n] })
  return signedReceipt({ payer, nonce, contract, head })
}

/** The last share of a receipt, opened: nobody with a higher account has one. */
function lastShare(shares: CheckedForm['shares']) {
  const tree = merkleTree(shares.map(({ account, amount }, i) => shareLeaf(account, amount, i === 0 ? amount : PARAMETERS.fee)))
  const [index, share] = [shares.length - 1, shares[shares.length - 1]]
  return { index: BigInt(index), share: { ...share, cumulative: PARAMETERS.fee }, proof: tree.proof(index) }
}

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'open-chat-validator-'))
  const contractsDir = join(repository, '.open-chat', 'contracts')
  // Each transaction of anyone moves the clock of anvil by a second: room for a refutation behind them.
  devnet = await startDevnet({ stateDir, contractsDir, seeds: [SEED], parameters: PARAMETERS, challengeWindowSeconds: 8 })
  const { rpcUrl, addresses } = devnet.settings
  for (const { address } of [payer, second, cheat, challenger]) await rpc(rpcUrl, 'anvil_setBalance', [address, '0x8ac7230489e80000'])
  await as(payer).call({ ...attributions(), functionName: 'deposit', args: [payer.address], value: 10n * PARAMETERS.fee })
  da = await startDaServer({ folder: join(stateDir, 'second-da'), failure: () => failure })
  const report = (error: OpenChatError) => troubles.push(error)
  const folder = join(stateDir, 'second')
  validator = await startValidator({ rpcUrl, daUrl: da.url, addresses, account: second, parameters: PARAMETERS, folder, report })
})
afterAll(async () => {
  await validator.close()
  await da.close()
  await devnet.stop()
  await rm(stateDir, { recursive: true, force: true })
})

it('keeps a receipt while DA refuses, and posts it once when DA serves again', async () => {
  failure = 'refuse'
  const form = await receipt(1n)
  expect(await post(validator.url, form)).toBe(202)
  await vi.waitFor(() => expect(troubles.map(({ code }) => code)).toContain('da_unreachable'), { timeout: 5_000 })
  expect((await lookUp(validator.url, form.id)).state).toBe('queued')
  expect(await chain().readContract({ ...attributions(), functionName: 'batchCount' })).toBe(0n)
  failure = null
  await until(validator.url, form.id, 'posted')
  expect(await chain().readContract({ ...attributions(), functionName: 'batchCount' })).toBe(1n)
})

it('takes a receipt that was in a refuted batch back, and posts it anew', async () => {
  const before = await deposit()
  const form = await receipt(2n)
  const honest = [PARAMETERS.commons, AUTHORS[0]].sort()
  const shares: CheckedForm['shares'] = honest.map((account) => {
    const amount = account === AUTHORS[0] ? (PARAMETERS.fee * 2n) / 5n : (PARAMETERS.fee * 3n) / 5n
    return { account: account as Hex, amount }
  })
  // The cheat pays the last share's account's money to itself.
  const lines = batchLines([{ id: form.id, shares: [shares[0], { ...shares[1], account: thief }] }])
  const tree = linesTree(lines)
  const args = [[form.header], [form.signature], tree.root, tree.count, '0x']
  await as(cheat).call({ ...attributions(), functionName: 'post', args, value: BOND })
  const batch = await chain().readContract({ ...attributions(), functionName: 'batchOf', args: [form.id] })
  const [main] = devnet.settings.validatorUrls
  expect(await post(main, form)).toBe(202)
  expect(await lookUp(main, form.id)).toMatchObject({ state: 'posted', batch: Number(batch), lines: [] })

  const opened = lastShare(shares)
  const at = lines.findIndex(({ account }) => account === thief)
  const line = { index: BigInt(at), line: lines[at], proof: tree.proof(at) }
  await as(challenger).call({ ...attributions(), functionName: 'refuteUnsharedLine', args: [batch, form.header, line, [opened]] })
  const held = await chain().readContract({ ...attributions(), functionName: 'batches', args: [batch] })
  expect(held[1]).toBe(3)

  await until(main, form.id, 'paid')
  const again = await chain().readContract({ ...attributions(), functionName: 'batchOf', args: [form.id] })
  expect(again).toBeGreaterThan(batch)
  expect(await deposit()).toBe(before - PARAMETERS.fee)
  expect(await chain().getBalance({ address: thief })).toBe(0n)
})
