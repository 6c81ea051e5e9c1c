import { encodeAbiParameters, encodeEventTopics } from 'viem'
import { describe, expect, it } from 'vitest'
import { type Contribution, contributionsHead } from '../attribution/contributions.ts'
import type { Hex } from '../attribution/types.ts'
import { fromHex, keccak, toHex, utf8, ZERO_HASH } from '../attribution/words.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { decodeBundle, encodeBundle } from './contribution-bundle.ts'
import { createDataAvailability, keccakCommitment } from './data-availability.ts'
import { createDatanetReader } from './datanets.ts'
import type { PinnedHeader } from './light-client/client.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const addresses = { wopen: hash('01'), datanets: hash('02'), attributions: hash('03'), payouts: hash('04') }
const documents = [{ facts: { author: 'Ada', licence: 'CC0-1.0', title: 'Notes', year: 1843 }, text: 'The engine weaves — “patterns”.' }]
const body = encodeBundle(documents)

const contribution = (index: number, daCommitment: Hex = '0x'): Contribution & { daCommitment: Hex } => ({
  datanet: 7n,
  index,
  author: `0x${String(index + 1).repeat(40)}`,
  root: toHex(keccak(Uint8Array.of(index))),
  documents: 2,
  tokens: 500 + index,
  licence: toHex(keccak(utf8('CC0-1.0'))),
  daCommitmentHash: daCommitment === '0x' ? ZERO_HASH : toHex(keccak(fromHex(daCommitment))),
  order: 10 + index,
  daCommitment,
})

const three = [contribution(0), contribution(1, keccakCommitment(body)), contribution(2)]

function logOf(held: ReturnType<typeof contribution>) {
  const topics = encodeEventTopics({ abi: datanetsAbi, eventName: 'Contributed', args: { datanet: held.datanet, author: held.author } })
  const event = datanetsAbi.find((item) => item.type === 'event' && item.name === 'Contributed')!
  const inputs = 'inputs' in event ? event.inputs.filter((input) => !('indexed' in input && input.indexed)) : []
  const values: Record<string, unknown> = {
    ...held,
    index: BigInt(held.index),
    tokens: BigInt(held.tokens),
    order: BigInt(held.order),
    head: ZERO_HASH,
  }
  return {
    topics,
    data: encodeAbiParameters(
      inputs,
      inputs.map(({ name }) => values[name!]),
    ),
  }
}

function readerOver(logs: unknown, chained: Contribution[] = three, serve: (hash: Hex) => Uint8Array = () => body) {
  const anchor = { block: 5n, hash: hash('11'), timestamp: 9n, hosts: ['node'] }
  const proven = <T>(value: T) => ({ value, assurance: 'pinned' as const, anchor })
  const named = { curator: hash('05'), open: true, reviewed: false, contributions: chained.length, licence: hash('06'), name: 'Notes' }
  const state = {
    addresses,
    pin: async () => ({ number: 5n }) as PinnedHeader,
    datanetCount: async () => proven(2),
    datanet: async () => proven(named),
    headAt: async () => proven(contributionsHead(chained)),
  }
  const rpc = { host: 'node', request: async () => logs }
  return createDatanetReader(state, rpc, { get: async (commitment) => serve(commitment) })
}

const events = three.map(logOf)

describe('datanets', () => {
  it('lists what folds to the proven head, with where its texts are', async () => {
    const reader = readerOver(events)
    const { head, contributions } = await reader.contributions(7n)
    expect(head.value).toBe(contributionsHead(three))
    expect(contributions).toEqual(three)
    expect((await reader.list()).map(({ id, state }) => [id, state.value.name])).toEqual([
      [1n, 'Notes'],
      [2n, 'Notes'],
    ])
    expect(await reader.documents(contributions[1])).toEqual(documents)
    await expect(reader.documents(contributions[0])).rejects.toMatchObject({ code: 'da_missing' })
  })

  it.each<[string, unknown, string]>([
    ['left out the last', events.slice(0, 2), 'log_missing'],
    ['left out one between', [events[0], events[2]], 'log_missing'],
    ['left out all', [], 'log_missing'],
    ['invented one', [...events, logOf(contribution(3))], 'rpc_lied'],
    ['changed an author', [events[0], logOf({ ...three[1], author: `0x${'9'.repeat(40)}` }), events[2]], 'rpc_lied'],
    ['changed an order', [logOf({ ...three[0], order: 11 }), events[1], events[2]], 'rpc_lied'],
    ['swapped two', [events[1], events[0], events[2]], 'rpc_lied'],
    [
      'pointed elsewhere for the texts',
      [events[0], logOf({ ...three[1], daCommitment: keccakCommitment(Uint8Array.of(1)) }), events[2]],
      'rpc_lied',
    ],
    ['cut an event short', [{ ...events[0], data: events[0].data.slice(0, -64) }, events[1], events[2]], 'rpc_lied'],
    ['gave no list', null, 'rpc_lied'],
  ])('notices a node that %s', async (_, logs, code) => {
    await expect(readerOver(logs).contributions(7n)).rejects.toMatchObject({ code, meta: { host: 'node' } })
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
