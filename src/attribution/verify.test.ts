import { beforeAll, describe, expect, it } from 'vitest'
import { OpenChatError } from '../errors.ts'
import { parseReceiptFile, writeReceiptFile } from './receipt-file.ts'
import type { DocumentEntry } from './types.ts'
import { breakableSteps, breakReceipt } from './verify.broken.ts'
import { type SmallWorld, smallWorld } from './verify.testing.ts'
import { type ChainValues, type OwnerReceipt, type StepReport, type VerifyContext, verifyReceipt, verifySteps } from './verify.ts'

let world: SmallWorld
beforeAll(async () => {
  world = await smallWorld()
})

async function outcomes(receipt: OwnerReceipt, context: VerifyContext): Promise<StepReport[]> {
  const reports: StepReport[] = []
  for await (const report of verifyReceipt(receipt, context)) if (report.status !== 'pending') reports.push(report)
  return reports
}

const ids = (reports: StepReport[], status: StepReport['status']) => reports.filter((r) => r.status === status).map(({ id }) => id)

describe('verification', () => {
  it('finds nothing wrong with an honest, posted receipt', async () => {
    const reports = await outcomes(world.receipt, world.context)
    expect(reports.filter(({ status }) => status !== 'ok')).toEqual([])
    expect(reports.map(({ id }) => id)).toEqual(verifySteps.map(({ id }) => id))
    expect(world.trace.spans.length).toBeGreaterThanOrEqual(2)
  })

  it('announces every step before its outcome', async () => {
    const seen: string[] = []
    for await (const { id, status } of verifyReceipt(world.receipt, world.context)) seen.push(`${id} ${status}`)
    expect(seen).toEqual(verifySteps.flatMap(({ id }) => [`${id} pending`, `${id} ok`]))
  })

  it.each(breakableSteps)('a receipt broken in %s turns exactly that step red', async (step) => {
    const broken = await breakReceipt(step, world)
    expect(broken, 'the test world gives no occasion').not.toBeNull()
    if (broken === null) return
    const reports = await outcomes(broken.receipt, broken.context)
    expect(ids(reports, 'failed')).toEqual([step])
  })

  it('judges the public part without the owner, and leaves the rest unknown', async () => {
    const { owner: _, ...seen } = world.receipt
    const reports = await outcomes(seen, world.context)
    expect(ids(reports, 'failed')).toEqual([])
    expect(ids(reports, 'unknown')).toEqual(verifySteps.filter(({ level }) => level === 'owner').map(({ id }) => id))
    for (const step of ['count', 'surprisal', 'earliest', 'eligible', 'amounts']) {
      const broken = await breakReceipt(step, world)
      const { owner: _, ...lie } = (broken as NonNullable<typeof broken>).receipt
      expect(ids(await outcomes(lie, world.context), 'failed')).toEqual([step])
    }
  })

  it('says unknown, not wrong, where the chain, the index or the batch is not there', async () => {
    const { chain } = world.context
    if (chain === null) throw new Error('the world has a chain')
    const alone = await outcomes(world.receipt, { ...world.context, chain: null })
    expect([ids(alone, 'failed'), ids(alone, 'unknown')]).toEqual([[], ['parameters', 'indexes', 'posted']])
    const down = () => Promise.reject(new OpenChatError('rpc_unreachable', 'The RPC at 127.0.0.1 does not answer.'))
    const failing = await outcomes(world.receipt, { ...world.context, chain: { ...chain, headAt: down } })
    expect(failing.find(({ id }) => id === 'indexes')).toMatchObject({ status: 'unknown', detail: expect.stringContaining('127.0.0.1') })
    const bare = await outcomes(world.receipt, { ...world.context, indexAt: async () => null })
    expect(ids(bare, 'failed')).toEqual([])
    expect(bare.find(({ id }) => id === 'count')).toMatchObject({
      status: 'unknown',
      detail: expect.stringContaining('not on this machine'),
    })
  })

  it('sees a chain that holds another head, and texts that were changed', async () => {
    const { chain } = world.context
    if (chain === null) throw new Error('the world has a chain')
    const headAt = async () => ({ value: `0x${'12'.repeat(32)}` as const, assurance: { level: 'pinned', label: 'test' } })
    expect(ids(await outcomes(world.receipt, { ...world.context, chain: { ...chain, headAt } }), 'failed')).toEqual(['indexes'])
    const changes: Partial<DocumentEntry>[] = [
      { title: 'Another title' },
      { author: 'Another' },
      { order: 1 },
      { contributor: `0x${'ee'.repeat(20)}` },
      { licence: 'MIT' },
    ]
    for (const change of changes) {
      const indexAt: VerifyContext['indexAt'] = async (datanet, n) => {
        const found = await world.context.indexAt(datanet, n)
        if (found === null || datanet !== '1') return found
        // The last document is paid for nothing, so only its commitment can tell.
        return { ...found, chained: [...found.chained], documents: found.documents.with(2, { ...found.documents[2], ...change }) }
      }
      expect(ids(await outcomes(world.receipt, { ...world.context, indexAt }), 'failed')).toEqual(['indexes'])
    }
  })

  it('sees a line that stands in no batch, and a right line of another account', async () => {
    const { chain } = world.context
    if (chain === null) throw new Error('the world has a chain')
    const lying: Partial<ChainValues>[] = [
      { lineOf: async (...ask) => ({ ...(await honest(...ask)), proof: [] }) },
      { lineOf: async (...ask) => ({ ...(await honest(...ask)), index: 0 }) },
      { lineOf: (batch, _, id) => honest(batch, world.trace.shares[0].account, id) },
    ]
    async function honest(...ask: Parameters<ChainValues['lineOf']>) {
      const found = await chain?.lineOf(...ask)
      if (found === null || found === undefined) throw new Error('the line is there')
      return found
    }
    for (const lie of lying) {
      expect(ids(await outcomes(world.receipt, { ...world.context, chain: { ...chain, ...lie } }), 'failed')).toEqual(['posted'])
    }
    const silent = await outcomes(world.receipt, { ...world.context, chain: { ...chain, lineOf: async () => null } })
    expect([ids(silent, 'failed'), ids(silent, 'unknown')]).toEqual([[], ['posted']])
  })

  it('says of a receipt of another deployment that it belongs elsewhere, and calls nobody a forger', async () => {
    for (const domain of [
      { ...world.context.domain, contract: `0x${'ab'.repeat(20)}` as const },
      { ...world.context.domain, chainId: world.context.domain.chainId + 1n },
    ]) {
      const reports = await outcomes(world.receipt, { ...world.context, domain })
      expect([ids(reports, 'failed'), ids(reports, 'unknown')]).toEqual([['header'], ['signature']])
    }
    // Where it belongs here, a wrong signature is one.
    const { signature } = (await breakReceipt('signature', world))?.receipt ?? world.receipt
    expect(ids(await outcomes({ ...world.receipt, signature }, world.context), 'failed')).toEqual(['signature'])
  })

  it('tells an answer of another length by its length, before a root is built over it', async () => {
    const owner = { ...(world.receipt.owner as NonNullable<OwnerReceipt['owner']>), answer: 'words '.repeat(100_000) }
    const found = (await outcomes({ ...world.receipt, owner }, world.context)).find(({ id }) => id === 'answer')
    expect(found).toMatchObject({
      status: 'failed',
      expected: expect.stringMatching(/^\d+ tokens$/),
      got: expect.stringMatching(/^\d+ tokens$/),
    })
  })

  it('stops between steps when cancelled', async () => {
    const stop = new AbortController()
    const seen: string[] = []
    await expect(async () => {
      for await (const { id } of verifyReceipt(world.receipt, world.context, stop.signal)) {
        seen.push(id)
        stop.abort()
      }
    }).rejects.toMatchObject({ name: 'AbortError' })
    expect(new Set(seen).size).toBe(1)
  })
})

describe('receipt files', () => {
  it('come back as they were written', () => {
    expect(parseReceiptFile(writeReceiptFile(world.receipt))).toEqual(world.receipt)
    const { owner: _, ...seen } = world.receipt
    expect(parseReceiptFile(writeReceiptFile(seen))).toEqual(seen)
  })

  it('are refused when they are something else', () => {
    const text = writeReceiptFile(world.receipt)
    for (const other of [
      '',
      '[]',
      '{}',
      'null',
      text.slice(0, -20),
      text.replace('"nonce": "3"', '"nonce": "x"'),
      text.replace('0x', '0y'),
      text.replace('"nonce": "3"', '"nonce": "-3"'),
      text.replace('"nonce": "3"', '"nonce": ""'),
      text.replace('"nonce": "3"', `"nonce": "${2n ** 64n}"`),
      text.replace(/"shareCount": \d+/, '"shareCount": -1'),
      text.replace(/"shareCount": \d+/, '"shareCount": 1.5'),
      text.replace(/"fee": "\d+"/, `"fee": "${2n ** 256n}"`),
      `${' '.repeat(5_000_001)}${text}`,
    ]) {
      expect(other).not.toBe(text)
      expect(() => parseReceiptFile(other)).toThrow(expect.objectContaining({ code: 'receipt_invalid' }))
    }
  })
})
