// The whole room against the real devnet: a burner that starts with nothing pays for a receipt and sees it paid, contributes a
// text and reads it back. Costs some 10 s, most of it the challenge window.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { repository } from '../../devnet/compile.ts'
import { AUTHORS, PARAMETERS, payerNamed, SEED, signedReceipt } from '../../devnet/receipts.testing.ts'
import { type Devnet, startDevnet } from '../../devnet/start.ts'
import { parametersHash } from '../attribution/parameters.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { memoryRecords } from '../storage/records.ts'
import { readEarnings } from './earnings.ts'
import { parseSettings } from './settings.ts'
import { openWallet, type Wallet } from './wallet.ts'

const LETTERS = { licence: 'CC0-1.0', description: 'Letters to friends.', open: true, reviewed: false }

let stateDir: string
let devnet: Devnet
let wallet: Wallet
const records = memoryRecords()

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'open-chat-wallet-'))
  const contractsDir = join(repository, '.open-chat', 'contracts')
  // Three looks of the outbox long, so that it sees the batch while it is challengeable.
  devnet = await startDevnet({ stateDir, contractsDir, seeds: [SEED], parameters: PARAMETERS, challengeWindowSeconds: 6 })
  wallet = await openWallet({ settings: parseSettings(devnet.settings), records })
})

afterAll(async () => {
  wallet?.close()
  await devnet?.stop()
  await rm(stateDir, { recursive: true, force: true })
})

async function draftOf(nonce: bigint) {
  const { head, contributions } = await wallet.datanets.contributions(1n)
  expect(contributions).toHaveLength(AUTHORS.length)
  const contract = wallet.settings.addresses.attributions
  const made = await signedReceipt({ payer: payerNamed('x'), nonce, contract, head: head.value, content: { payer: wallet.address } })
  const { content: contentHash, sharesRoot, shareCount, fee } = made.header
  const content = Uint8Array.from(Buffer.from(made.content.slice(2), 'hex'))
  return { content, contentHash, sharesRoot, shareCount, fee, salt: ZERO_HASH }
}

describe('wallet over the devnet', () => {
  it('pays for a receipt from nothing, and proves each state of it', async () => {
    const { ledger } = wallet
    expect(await wallet.deposits.read()).toEqual({ balance: 0n, deposit: 0n })
    const nonce = await ledger.nonce()
    const receipt = await ledger.sign(await draftOf(nonce), nonce)
    const states = new Set<string>()
    ledger.outbox.subscribe(({ state }) => states.add(state.state))
    await ledger.post(receipt)
    await vi.waitFor(async () => expect((await ledger.outbox.get(receipt.id))?.state.state).toBe('paid'), {
      timeout: 30_000,
      interval: 200,
    })
    expect(states.has('posted')).toBe(true)
    expect(await ledger.status(receipt.id)).toMatchObject({ value: { state: 'paid', batch: 1 }, assurance: 'pinned' })
    expect((await wallet.deposits.read()).deposit).toBe(99n * PARAMETERS.fee)

    const values = wallet.chainValues()
    expect((await values.parametersHash()).value).toBe(parametersHash(PARAMETERS))
    const batch = await values.batchOf(receipt.id)
    expect(batch.value).toMatchObject({ batch: 1, lineCount: 2 })
    expect(await values.lineOf(1, AUTHORS[0], receipt.id)).toMatchObject({ line: { account: AUTHORS[0] } })
    const pinned = await wallet.state.pin()
    expect((await wallet.state.totalPaid(pinned, AUTHORS[0])).value).toBeGreaterThan(0n)
    const { value: earnings } = await readEarnings(wallet.state, AUTHORS[0])
    expect(earnings.list).toMatchObject([{ batch: 1, wei: earnings.total }])
    expect(earnings).toMatchObject({ earlier: 0n, total: (await wallet.state.totalPaid(pinned, AUTHORS[0])).value })
    // Block time, and not this machine's clock, says when a deposit may be taken back.
    await wallet.deposits.requestWithdrawal()
    const { value: money, anchor } = await wallet.deposits.money()
    expect(money.blockTime).toBe(Number(anchor.timestamp))
    expect(money.unlockAt).toBeGreaterThan(money.blockTime)
    await expect(wallet.deposits.withdraw()).rejects.toMatchObject({ code: 'transaction_reverted', meta: { reason: 'WithdrawalLocked' } })
  })

  it('contributes a text to a datanet of its own, and reads it back from the chain and DA', async () => {
    const datanet = await wallet.contributor.createDatanet({ ...LETTERS, name: 'Letters' })
    expect(datanet).toBe(2n)
    const facts = { author: 'Ada', licence: 'CC0-1.0', title: 'To a friend', year: 1843 }
    const documents = [{ facts, text: 'The engine weaves algebraic patterns.', tokens: Uint16Array.of(5, 6, 7, 8) }]
    const stages: string[] = []
    for await (const event of wallet.contributor.contribute({ datanet, licence: 'CC0-1.0', documents }, new AbortController().signal)) {
      stages.push(event.stage)
    }
    expect(stages.at(-1)).toBe('finished')
    const { contributions } = await wallet.datanets.contributions(datanet)
    expect(contributions).toMatchObject([{ index: 0, author: wallet.address, documents: 1, tokens: 4 }])
    expect(await wallet.datanets.documents(contributions[0])).toEqual([{ facts, text: documents[0].text }])
    const { value: listed } = await wallet.datanets.list()
    expect(listed.map(({ name }) => name)).toEqual([SEED.name, 'Letters'])
    await expect(wallet.contributor.createDatanet({ ...LETTERS, name: '' })).rejects.toMatchObject({
      code: 'transaction_reverted',
      meta: { reason: 'NameInvalid' },
    })
  })
})
