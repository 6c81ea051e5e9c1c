// The embedded devnet, whole: deploy, fund, deposit, post, finalise, pay, restart, kill. Costs some 12 s, most of it
// waiting for challenge windows and blocks.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Hex, PrivateKeyAccount } from 'viem'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { contributionsHead } from '../src/attribution/contributions.ts'
import { verifyMerkleProof } from '../src/attribution/merkle.ts'
import { typedDataDigest } from '../src/attribution/receipt.ts'
import { lineLeaf } from '../src/attribution/receipt-shares.ts'
import { fromHex, keccak, toHex, ZERO_HASH } from '../src/attribution/words.ts'
import { attributionsAbi, datanetsAbi, payoutsAbi } from '../src/wallet/contracts.generated.ts'
import { reader, sender } from './chain.ts'
import { repository } from './compile.ts'
import { formText, type SignedForm } from './receipt-form.ts'
import { AUTHORS, PARAMETERS, payerNamed, SEED, signedReceipt } from './receipts.testing.ts'
import { type Devnet, startDevnet } from './start.ts'
import type { ReceiptStatus } from './validator.ts'

let stateDir: string
let devnet: Devnet
const said: string[] = []
const payer = payerNamed('payer')

const start = () =>
  startDevnet({
    stateDir,
    contractsDir: join(repository, '.open-chat', 'contracts'),
    seeds: [SEED],
    parameters: PARAMETERS,
    challengeWindowSeconds: 2,
    report: (line) => said.push(line),
  })
const chain = () => reader(devnet.settings.rpcUrl)
const head = () =>
  chain().readContract({
    address: devnet.settings.addresses.datanets,
    abi: datanetsAbi,
    functionName: 'headAt',
    args: [1n, BigInt(AUTHORS.length)],
  })
const totalPaid = (account: Hex) =>
  chain().readContract({ address: devnet.settings.addresses.payouts, abi: payoutsAbi, functionName: 'totalPaid', args: [account] })
const batchCount = () =>
  chain().readContract({ address: devnet.settings.addresses.attributions, abi: attributionsAbi, functionName: 'batchCount' })

async function send(url: string, body: unknown): Promise<{ status: number; body: Record<string, unknown> }> {
  const response = await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: formText(body as object) })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}
const postReceipt = (form: SignedForm) => send(`${devnet.settings.validatorUrls[0]}/receipts`, form)
const lookUp = async (id: Hex) => (await (await fetch(`${devnet.settings.validatorUrls[0]}/receipts/${id}`)).json()) as ReceiptStatus
/** Posted, or further: the challenge window may end between two looks. */
const untilPosted = (id: Hex) =>
  vi.waitFor(async () => expect((await lookUp(id)).state).not.toBe('queued'), { timeout: 20_000, interval: 20 })
const untilPaid = (id: Hex) => vi.waitFor(async () => expect((await lookUp(id)).state).toBe('paid'), { timeout: 20_000, interval: 200 })

async function deposit(who: PrivateKeyAccount, wei: bigint): Promise<void> {
  await send(devnet.settings.faucetUrl, { address: who.address })
  const { attributions: address } = devnet.settings.addresses
  await sender(devnet.settings.rpcUrl, who).call({
    address,
    abi: attributionsAbi,
    functionName: 'deposit',
    args: [who.address],
    value: wei,
  })
}

const receipt = async (nonce: bigint, document = 0) =>
  signedReceipt({ payer, nonce, document, contract: devnet.settings.addresses.attributions, head: await head() })

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'open-chat-devnet-'))
  devnet = await start()
})
afterAll(async () => {
  await devnet.stop()
  await rm(stateDir, { recursive: true, force: true })
})

describe('the embedded devnet', () => {
  it('deploys at once and holds the seeded head', async () => {
    expect(devnet.fresh).toBe(true)
    // Takes 0.7 s; the limit leaves room for a machine that is busy with others.
    expect(devnet.timings.chain + devnet.timings.servers).toBeLessThan(20_000)
    const address = devnet.settings.addresses.datanets
    const logs = await chain().getContractEvents({ address, abi: datanetsAbi, eventName: 'Contributed', fromBlock: 0n, strict: true })
    const list = logs.map(({ args }) => ({ ...args, index: Number(args.index), tokens: Number(args.tokens), order: Number(args.order) }))
    expect(list.map(({ order }) => order)).toEqual([1, 2])
    expect(contributionsHead(list)).toBe(await head())
  })

  it('digests a receipt as the contract does', async () => {
    const { header } = await receipt(99n)
    const address = devnet.settings.addresses.attributions
    const onChain = await chain().readContract({ address, abi: attributionsAbi, functionName: 'digestOf', args: [header] })
    expect(onChain).toBe(typedDataDigest(header, { chainId: 42069n, contract: address }))
  })

  it('funds an account once', async () => {
    const first = await send(devnet.settings.faucetUrl, { address: payer.address })
    const second = await send(devnet.settings.faucetUrl, { address: payer.address })
    expect([first.body.granted, second.body.granted]).toEqual([String(10n ** 19n), '0'])
  })

  it('asks a payer without a deposit to make one', async () => {
    const { status, body } = await postReceipt(await receipt(1n))
    expect([status, (body.error as { code: string }).code]).toEqual([402, 'deposit_insufficient'])
  })

  it('posts, finalises and pays a receipt', async () => {
    await deposit(payer, 10n * PARAMETERS.fee)
    const form = await receipt(1n)
    expect((await postReceipt(form)).status).toBe(202)
    await untilPosted(form.id)
    const { lines = [], batch } = await lookUp(form.id)
    expect(lines).toHaveLength(2)
    const address = devnet.settings.addresses.attributions
    const held = await chain().readContract({ address, abi: attributionsAbi, functionName: 'batches', args: [BigInt(batch ?? 0)] })
    for (const line of lines) {
      const leaf = lineLeaf({ ...line, amount: BigInt(line.amount), runningTotal: BigInt(line.runningTotal) })
      expect(verifyMerkleProof({ root: held[9], count: held[4], index: line.index, leaf, proof: line.proof })).toBe(true)
    }
    await untilPaid(form.id)
    expect(await totalPaid(AUTHORS[0])).toBe((PARAMETERS.fee * 2n) / 5n)
    expect((await totalPaid(AUTHORS[0])) + (await totalPaid(PARAMETERS.commons))).toBe(PARAMETERS.fee)
    expect(await chain().getBalance({ address: AUTHORS[0] })).toBe((PARAMETERS.fee * 2n) / 5n)
  })

  it('takes the same receipt twice and posts it once', async () => {
    const form = await receipt(2n, 4)
    const both = await Promise.all([postReceipt(form), postReceipt(form)])
    expect(both.every(({ status }) => status < 300)).toBe(true)
    await untilPaid(form.id)
    expect((await postReceipt(form)).body.state).toBe('paid')
    expect(await batchCount()).toBe(2n)
    expect(await totalPaid(AUTHORS[1])).toBe((PARAMETERS.fee * 2n) / 5n)
  })

  it.each(['datanets', 'attributions', 'payouts'] as const)('folds the events of %s to its journal', async (name) => {
    const address = devnet.settings.addresses[name]
    const logs = await chain().getLogs({ address, fromBlock: 0n })
    const fold = (journal: Uint8Array, { topics, data }: (typeof logs)[number]) =>
      keccak(journal, keccak(...topics.map((topic) => fromHex(topic)), fromHex(data)))
    expect(logs.length).toBeGreaterThan(1)
    const slot = await chain().getStorageAt({ address, slot: ZERO_HASH })
    expect(toHex(logs.reduce(fold, new Uint8Array(32)))).toBe(slot)
    expect(toHex(logs.slice(1).reduce(fold, new Uint8Array(32)))).not.toBe(slot)
  })

  it('continues after a stop', async () => {
    const before = devnet.settings.deployment
    await devnet.stop()
    devnet = await start()
    expect(devnet.fresh).toBe(false)
    expect(devnet.settings.deployment).toBe(before)
    // Takes 0.2 s; the limit leaves room for a machine that is busy with others.
    expect(devnet.timings.compile + devnet.timings.chain + devnet.timings.servers).toBeLessThan(20_000)
    expect(await batchCount()).toBe(2n)
  })

  it('refuses a second owner of the same folder', async () => {
    const record = join(stateDir, 'devnet', 'deployment.json')
    const held = JSON.parse(await readFile(record, 'utf8')) as { running: { owner: number } }
    await writeFile(record, JSON.stringify({ ...held, running: { ...held.running, owner: process.ppid } }))
    await expect(start()).rejects.toMatchObject({ code: 'devnet_running' })
    await writeFile(record, JSON.stringify(held))
  })

  it('posts what it had taken when it was killed, once', async () => {
    const form = await receipt(3n)
    expect((await postReceipt(form)).status).toBe(202)
    // As a kill would leave it: nothing closed in order, anvil orphaned.
    const killed = devnet
    await untilPosted(form.id)
    // The one that was killed lives on in this process, and may complain of its lost chain at any time.
    const before = said.length
    devnet = await start()
    expect(said.slice(before)).toContainEqual(expect.stringMatching(/was killed; its chain was still alive/))
    expect(devnet.fresh).toBe(false)
    await untilPaid(form.id)
    expect(await batchCount()).toBe(3n)
    expect(killed.anvilPid).not.toBe(devnet.anvilPid)
    await killed.stop()
  })

  it('starts anew from a half-written state, and says so', async () => {
    await devnet.stop()
    const path = join(stateDir, 'devnet', `chain-${devnet.settings.deployment}`, 'state.json')
    const bytes = await readFile(path)
    await writeFile(path, bytes.subarray(0, bytes.length / 2))
    const before = devnet.settings.deployment
    devnet = await start()
    expect(said.at(-1)).toMatch(/cannot be read/)
    expect(devnet.fresh).toBe(true)
    expect(devnet.settings.deployment).not.toBe(before)
    expect(await batchCount()).toBe(0n)
  })
})
