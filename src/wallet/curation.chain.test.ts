// A datanet by grant, from both sides, against the real contracts: asked, let in, submitted, refused, submitted again, accepted,
// withdrawn; then what answers took of an author's words, from the batches. Costs some 12 s.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { repository } from '../../devnet/compile.ts'
import { AUTHORS, PARAMETERS, payerNamed, SEED, signedReceipt } from '../../devnet/receipts.testing.ts'
import { type Devnet, startDevnet } from '../../devnet/start.ts'
import { ZERO_HASH } from '../attribution/words.ts'
import { memoryRecords } from '../storage/records.ts'
import { parseSettings } from './settings.ts'
import { openWallet, type Wallet } from './wallet.ts'

const whole = new AbortController().signal
let stateDir: string
let devnet: Devnet
let curator: Wallet
let author: Wallet

beforeAll(async () => {
  stateDir = await mkdtemp(join(tmpdir(), 'open-chat-curation-'))
  const contractsDir = join(repository, '.open-chat', 'contracts')
  devnet = await startDevnet({ stateDir, contractsDir, seeds: [SEED], parameters: PARAMETERS, challengeWindowSeconds: 2 })
  const settings = parseSettings(devnet.settings)
  curator = await openWallet({ settings, records: memoryRecords() })
  author = await openWallet({ settings, records: memoryRecords() })
})

afterAll(async () => {
  curator?.close()
  author?.close()
  await devnet?.stop()
  await rm(stateDir, { recursive: true, force: true })
})

const plan = (datanet: bigint, title = 'Swarms') => ({
  datanet,
  licence: 'CC0-1.0',
  documents: [
    {
      facts: { author: 'Ines', licence: 'CC0-1.0', title, year: 2025 },
      text: 'A swarm hangs in the pear tree.',
      tokens: Uint16Array.of(5, 6, 7, 8, 9),
    },
  ],
})

async function sent(datanet: bigint, title?: string) {
  let last: unknown
  for await (const event of author.contributor.contribute(plan(datanet, title), whole)) last = event
  return last
}

describe('a datanet by grant whose curator looks first', () => {
  const datanet = 2n

  it('takes nothing from strangers, and what members send waits', async () => {
    const rules = { open: false, reviewed: true }
    const named = { name: 'Bees', licence: 'CC0-1.0', description: 'Notes on bees.' }
    expect(await curator.contributor.createDatanet({ ...named, ...rules })).toBe(datanet)
    await expect(sent(datanet)).rejects.toMatchObject({ code: 'not_member' })
    await author.curation.askAccess(datanet, 'I keep bees.')
    await expect(author.curation.askAccess(datanet, 'Again.')).rejects.toMatchObject({ code: 'access_settled' })
    await expect(author.curation.setAccess(datanet, author.address, true, '')).rejects.toMatchObject({ code: 'not_curator' })
    const asked = (await curator.datanets.one(datanet)).value
    expect(asked).toMatchObject({ ...named, ...rules, curator: curator.address.toLowerCase() })
    expect([...asked.access.values()]).toMatchObject([{ access: 'asked', note: 'I keep bees.' }])
    await curator.curation.setAccess(datanet, author.address, true, '')
    expect(await sent(datanet)).toMatchObject({ stage: 'finished', contribution: 0, queued: true })
    const { value } = await curator.datanets.one(datanet)
    expect([value.contributions, value.submissions.map(({ verdict }) => verdict)]).toEqual([[], ['waiting']])
  })

  it('tells a refusal with its reason, and takes the same text once it is accepted', async () => {
    await expect(author.curation.accept(datanet, 0)).rejects.toMatchObject({ code: 'not_curator' })
    await curator.curation.refuse(datanet, 0, 'off_topic', 'It is about pears.')
    await expect(curator.curation.accept(datanet, 0)).rejects.toMatchObject({ code: 'submission_settled' })
    expect((await author.datanets.one(datanet)).value.submissions[0]).toMatchObject({
      verdict: 'refused',
      reason: 'off_topic',
      sentence: 'It is about pears.',
    })
    expect(await sent(datanet)).toMatchObject({ contribution: 1, queued: true })
    await curator.curation.accept(datanet, 1)
    const { value } = await author.datanets.one(datanet)
    expect(value.contributions).toMatchObject([{ index: 0, author: author.address.toLowerCase(), withdrawn: false }])
    expect(value.submissions[1]).toMatchObject({ verdict: 'accepted', index: 0 })
    const pinned = await author.state.pin()
    expect((await author.state.headAt(pinned, datanet, 1)).value).toBe(value.head)
    expect((await author.datanets.documents(value.contributions[0]!)).map(({ facts }) => facts.title)).toEqual(['Swarms'])
  })

  it('lets its author take back what waits, and withdraw what stands, moving no head', async () => {
    expect(await sent(datanet, 'Hives')).toMatchObject({ contribution: 2, queued: true })
    await author.curation.retract(datanet, 2)
    const { head } = (await author.datanets.one(datanet)).value
    await expect(curator.curation.withdraw(datanet, 0)).rejects.toMatchObject({ code: 'not_author' })
    await author.curation.withdraw(datanet, 0)
    await expect(author.curation.withdraw(datanet, 0)).rejects.toMatchObject({ code: 'already_withdrawn' })
    const { value } = await curator.datanets.one(datanet)
    expect([value.contributions[0]!.withdrawn, value.submissions[2]!.verdict, value.head]).toEqual([true, 'retracted', head])
    await curator.curation.setAccess(datanet, author.address, false, 'Enough.')
    await expect(sent(datanet, 'Reeds')).rejects.toMatchObject({ code: 'not_member' })
  })
})

it('what an answer took of an author’s words is told with its receipt, first on the way and then paid', async () => {
  const { ledger } = curator
  const nonce = await ledger.nonce()
  const { head } = await curator.datanets.contributions(1n)
  const contract = curator.settings.addresses.attributions
  const made = await signedReceipt({
    payer: payerNamed('x'),
    nonce,
    contract,
    head: head.value,
    document: 3,
    content: { payer: curator.payer },
  })
  const { content: contentHash, sharesRoot, shareCount, fee } = made.header
  const content = Uint8Array.from(Buffer.from(made.content.slice(2), 'hex'))
  const receipt = await ledger.sign({ content, contentHash, sharesRoot, shareCount, fee, salt: ZERO_HASH }, nonce)
  await ledger.post(receipt)
  await vi.waitFor(async () => expect((await ledger.outbox.get(receipt.id))?.state.state).toBe('paid'), { timeout: 30_000, interval: 200 })
  // Documents 0 … 2 are the first author's, 3 and 4 the second's.
  const { value, assurance } = await author.uses.of(AUTHORS[1], whole)
  expect(assurance).toBe('pinned')
  expect(value.unread).toEqual([])
  expect(value.list).toMatchObject([{ receiptId: receipt.id, batch: 1, datanet: 1n, contribution: 1, quotes: 1, paid: true }])
  const pinned = await author.state.pin()
  expect(value.list[0]!.amount).toBe((await author.state.totalPaid(pinned, AUTHORS[1])).value)
  expect((await author.uses.of(AUTHORS[0], whole)).value.list).toEqual([])
})
