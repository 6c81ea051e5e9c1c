import { type Abi, encodeAbiParameters, encodeEventTopics } from 'viem'
import { describe, expect, it } from 'vitest'
import { contributionsHead } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex, utf8, ZERO_HASH } from '../attribution/words.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { decodeBundle, encodeBundle } from './contribution-bundle.ts'
import { createDataAvailability, keccakCommitment } from './data-availability.ts'
import { foldJournal, type Log } from './datanet-journal.ts'
import { createDatanetReader } from './datanets.ts'
import type { PinnedHeader } from './light-client/client.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const addresses = { wopen: hash('01'), datanets: hash('02'), attributions: hash('03'), payouts: hash('04') }
const documents = [{ facts: { author: 'Ada', licence: 'CC0-1.0', title: 'Notes', year: 1843 }, text: 'The engine weaves — “patterns”.' }]
const body = encodeBundle(documents)

const contribution = (index: number, daCommitment: Hex = '0x') => ({
  datanet: 1n,
  index,
  author: `0x${String(index + 1).repeat(40)}` as Hex,
  root: toHex(keccak(Uint8Array.of(index))),
  documents: 2,
  tokens: 500 + index,
  licence: toHex(keccak(utf8('CC0-1.0'))),
  daCommitmentHash: daCommitment === '0x' ? ZERO_HASH : toHex(keccak(fromHex(daCommitment))),
  order: 10 + index,
  daCommitment,
})

const three = [contribution(0), contribution(1, keccakCommitment(body)), contribution(2)]
const curator: Hex = `0x${'c'.repeat(40)}`
const ada: Hex = `0x${'ad'.repeat(20)}`

/** An event as a node serves it: the two indexed arguments in topics, the others ABI-encoded. */
function logOf(name: string, args: Record<string, unknown>, block = 1): Log {
  const event = datanetsAbi.find((item) => item.type === 'event' && item.name === name)!
  const inputs = 'inputs' in event ? event.inputs.filter((input) => !('indexed' in input && input.indexed)) : []
  const topics = encodeEventTopics({ abi: datanetsAbi as Abi, eventName: name, args })
  const data = encodeAbiParameters(
    inputs,
    inputs.map((input) => args[input.name!]),
  )
  return { topics: topics as Log['topics'], data, blockNumber: `0x${block.toString(16)}` }
}

const created = (id: bigint, name: string) =>
  logOf('DatanetCreated', { datanet: id, curator, open: true, reviewed: false, name, licence: 'CC0-1.0', description: 'About bees.' })
const contributed = (held: ReturnType<typeof contribution>, block?: number) =>
  logOf(
    'Contributed',
    { ...held, index: BigInt(held.index), tokens: BigInt(held.tokens), order: BigInt(held.order), head: contributionsHead(three) },
    block,
  )
const events = [created(1n, 'Notes'), created(2n, 'Letters'), ...three.map((held) => contributed(held))]
const journalOf = (logs: readonly Log[]) => logs.reduce(foldJournal, ZERO_HASH)

/** A node that serves `logs`, over a chain that truly emitted `truth`, at a block that the test may move. */
function readerOver(logs: unknown, truth: readonly Log[] = events) {
  const node = { logs, truth, block: 5n, asked: [] as string[] }
  const anchor = { block: 5n, hash: hash('11'), timestamp: 9n, hosts: ['node'] }
  const proven = <T>(value: T) => ({ value, assurance: 'pinned' as const, anchor })
  const count = (id: bigint) => node.truth.filter(({ topics }) => topics[0] === events[2].topics[0] && BigInt(topics[1]!) === id).length
  const named = { curator, open: true, reviewed: false, licence: hash('06'), name: 'Notes' }
  const state = {
    addresses,
    pin: async () => ({ number: node.block }) as PinnedHeader,
    datanetsJournal: async () => proven(journalOf(node.truth)),
    datanetCount: async () => proven(2),
    datanet: async (_: PinnedHeader, id: bigint) => proven({ ...named, contributions: count(id) }),
  }
  const rpc = {
    host: 'node',
    request: async (_: string, [filter]: unknown[]) => {
      const { fromBlock, toBlock } = filter as { fromBlock: Hex; toBlock: Hex }
      node.asked.push(fromBlock)
      const inside = ({ blockNumber = '0x0' }: Log) => BigInt(blockNumber) >= BigInt(fromBlock) && BigInt(blockNumber) <= BigInt(toBlock)
      return Array.isArray(node.logs) ? (node.logs as Log[]).filter(inside) : node.logs
    },
  }
  return { node, reader: createDatanetReader(state, rpc, { get: async () => body }) }
}

describe('datanets', () => {
  it('lists what folds to the proven journal, with where its texts are', async () => {
    const { reader } = readerOver(events)
    const { head, contributions } = await reader.contributions(1n)
    expect(head.value).toBe(contributionsHead(three))
    expect(contributions).toEqual(three.map((held) => ({ ...held, withdrawn: false, block: 1 })))
    expect((await reader.list()).value.map(({ id, name, licence }) => [id, name, licence])).toEqual([
      [1n, 'Notes', 'CC0-1.0'],
      [2n, 'Letters', 'CC0-1.0'],
    ])
    expect(await reader.documents(contributions[1])).toEqual(documents)
    await expect(reader.documents(contributions[0])).rejects.toMatchObject({ code: 'da_missing' })
    await expect(reader.contributions(3n)).rejects.toMatchObject({ code: 'datanet_unknown' })
  })

  it('tells what waits, what was decided and why, who may contribute, and what was withdrawn', async () => {
    const { datanet, author, root, documents: n, licence, daCommitment } = three[1]
    const sent = (submission: bigint) =>
      logOf('Submitted', { datanet, author, submission, root, documents: n, tokens: 9n, licence, order: 20n, daCommitment })
    const decided = (submission: bigint, verdict: number, reason: number, index: bigint, sentence: string) =>
      logOf('Decided', { datanet, author, submission, verdict, reason, index, sentence })
    const more = [
      logOf('Committed', { commitment: hash('77'), sender: ada, order: 1n }),
      ...[0n, 1n, 2n].map(sent),
      decided(1n, 1, 0, 2n, ''),
      decided(2n, 2, 1, 0n, 'It is about wasps.'),
      logOf('AccessAsked', { datanet: 2n, account: ada, note: 'I keep bees.' }),
      logOf('AccessSet', { datanet: 2n, account: ada, access: 3, reason: 'Not yet.' }),
      logOf('Withdrawn', { datanet, author: three[0].author, index: 0n }),
      logOf('Described', { datanet, curator, description: 'About all bees.' }),
    ]
    const all = [...events, ...more]
    const { value } = await readerOver(all, all).reader.one(1n)
    expect(value.submissions.map(({ verdict, reason, sentence, index }) => [verdict, reason, sentence, index])).toEqual([
      ['waiting', 'none', '', null],
      ['accepted', 'none', '', 2],
      ['refused', 'off_topic', 'It is about wasps.', null],
    ])
    expect(value.contributions.map(({ withdrawn }) => withdrawn)).toEqual([true, false, false])
    expect(value.description).toBe('About all bees.')
    expect(value.head).toBe(contributionsHead(three))
    const letters = (await readerOver(all, all).reader.one(2n)).value
    expect([...letters.access.values()]).toEqual([{ account: ada, access: 'refused', note: 'I keep bees.', reason: 'Not yet.' }])
  })

  it('asks only for what came since, and reads anew when the chain was reorganised', async () => {
    const { node, reader } = readerOver(events)
    const before = await reader.contributions(1n)
    const fourth = contributed({ ...contribution(3), datanet: 1n }, 7)
    node.block = 8n
    node.logs = [...events, fourth]
    node.truth = [...events, fourth]
    expect((await reader.contributions(1n)).contributions).toHaveLength(4)
    expect(before.contributions).toHaveLength(3)
    expect(node.asked).toEqual(['0x0', '0x6'])
    // The fourth is gone again, another one came.
    const other = contributed({ ...contribution(3), datanet: 1n, tokens: 77 }, 8)
    node.block = 9n
    node.logs = [...events, other]
    node.truth = [...events, other]
    expect((await reader.contributions(1n)).contributions[3].tokens).toBe(77)
    expect(node.asked.slice(2)).toEqual(['0x9', '0x0'])
  })

  it('reads once for all who ask meanwhile', async () => {
    const { node, reader } = readerOver(events)
    await Promise.all([reader.list(), reader.one(1n), reader.contributions(2n)])
    expect(node.asked).toEqual(['0x0'])
  })

  const last = events.length - 1
  it.each<[string, unknown, string]>([
    ['left out the last', events.slice(0, last), 'log_missing'],
    ['left out one between', events.filter((_, i) => i !== 3), 'log_missing'],
    ['left out a datanet', events.slice(1), 'log_missing'],
    ['left out the last datanet', events.filter((_, i) => i !== 1), 'log_missing'],
    ['left out all', [], 'log_missing'],
    ['invented one', [...events, contributed(contribution(3))], 'rpc_lied'],
    ['changed an author', events.with(3, contributed({ ...three[1], author: `0x${'9'.repeat(40)}` })), 'rpc_lied'],
    ['changed an order', events.with(2, contributed({ ...three[0], order: 11 })), 'rpc_lied'],
    ['invented a withdrawal', [...events, logOf('Withdrawn', { datanet: 1n, author: ada, index: 0n })], 'rpc_lied'],
    ['swapped two', [...events.slice(0, 2), events[3], events[2], events[4]], 'log_missing'],
    [
      'pointed elsewhere for the texts',
      events.with(3, contributed({ ...three[1], daCommitment: keccakCommitment(Uint8Array.of(1)) })),
      'rpc_lied',
    ],
    ['cut an event short', events.with(2, { ...events[2], data: events[2].data.slice(0, -64) as Hex }), 'rpc_lied'],
    ['gave no list', null, 'rpc_lied'],
  ])('notices a node that %s', async (_, logs, code) => {
    await expect(readerOver(logs).reader.contributions(1n)).rejects.toMatchObject({ code, meta: { host: 'node' } })
  })
})

describe('contribution bundles', () => {
  it('read back as written, in one encoding', () => {
    expect(decodeBundle(body)).toEqual(documents)
    expect(encodeBundle(decodeBundle(body))).toEqual(body)
  })

  it.each([
    ['no JSON', utf8('{')],
    ['no UTF-8', Uint8Array.of(0xff)],
    ['no documents', utf8('{"version":1,"documents":[]}')],
    ['a document without text', utf8('{"version":1,"documents":[{"author":"a","licence":"b","title":"c","year":null}]}')],
    ['another version', utf8(new TextDecoder().decode(body).replace('"version":1', '"version":2'))],
  ])('refuse %s', (_, bytes) => {
    expect(() => decodeBundle(bytes)).toThrow(expect.objectContaining({ code: 'bundle_invalid' }))
  })
})

describe('data availability', () => {
  const over = (serve: (url: string, init?: RequestInit) => Response | Promise<Response>, timeoutMs = 50) =>
    createDataAvailability('http://da.example:1/', (async (url: string, init?: RequestInit) => serve(url, init)) as typeof fetch, timeoutMs)

  it('names what it puts by its hash and checks what it gets', async () => {
    const kept = new Map<string, Uint8Array>()
    const da = over(async (url, init) => {
      const key = url.slice(url.lastIndexOf('/') + 1)
      if (init?.method === 'POST') kept.set(key, new Uint8Array(await (init.body as Blob).arrayBuffer()))
      const held = kept.get(key)
      return held ? new Response(Uint8Array.from(held)) : new Response('', { status: 404 })
    })
    const commitment = await da.put(body)
    expect(commitment).toBe(`0x00${toHex(keccak(body)).slice(2)}`)
    expect(await da.get(commitment)).toEqual(body)
    await expect(da.get(keccakCommitment(Uint8Array.of(1)))).rejects.toMatchObject({ code: 'da_missing' })
    await expect(da.get('0x01ff')).rejects.toMatchObject({ code: 'da_missing' })
  })

  it('types a server that lies, refuses, stalls or is away', async () => {
    const commitment = keccakCommitment(body)
    const stall = (_: string, init?: RequestInit) =>
      new Promise<Response>((__, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason)))
    await expect(over(() => new Response('else')).get(commitment)).rejects.toMatchObject({
      code: 'da_lied',
      meta: { host: 'da.example:1' },
    })
    await expect(over(() => new Response('', { status: 500 })).put(body)).rejects.toMatchObject({ code: 'da_unreachable' })
    await expect(over(stall).get(commitment)).rejects.toThrow('said nothing for 0.05 s')
    await expect(over(() => Promise.reject(new TypeError('net'))).get(commitment)).rejects.toMatchObject({ code: 'da_unreachable' })
    await expect(over(() => new Response()).put(new Uint8Array(16 * 2 ** 20 + 1))).rejects.toMatchObject({ code: 'da_too_large' })
  })
})
