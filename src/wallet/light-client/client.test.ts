import { describe, expect, it } from 'vitest'
import type { Hex } from '../../attribution/types.ts'
import { assuranceSentence, createLightClient } from './client.ts'
import { CHAIN_ID, CONTRACT, type FakeChain, fakeChain, type Proof, sealed, slotAt } from './fake-chain.testing.ts'
import { httpRpc, type Rpc } from './rpc.ts'

const slots = Object.fromEntries(Array.from({ length: 30 }, (_, i) => [slotAt(i), BigInt(i) * 1000n + 7n]))
const truth = await fakeChain(slots)
const older = await fakeChain({ ...slots, [slotAt(3)]: 1n }, 8)
const empty = await fakeChain({})

type Block = Record<string, unknown>
interface Bend {
  block?: (block: Block) => unknown
  proof?: (proof: Proof, chain: FakeChain) => unknown
  chainId?: string
}

function bent(chain: FakeChain, { block, proof, chainId }: Bend): Rpc {
  return {
    host: 'liar.example',
    async request(method, params) {
      const answer = await chain.rpc.request(method, params)
      if (method === 'eth_chainId') return chainId ?? answer
      if (method === 'eth_getBlockByNumber') return block ? block(structuredClone(answer) as Block) : answer
      return proof ? proof(structuredClone(answer) as Proof, chain) : answer
    },
  }
}

const client = (...rpcs: Rpc[]) => createLightClient({ chainId: CHAIN_ID, rpcs })

async function read(rpc: Rpc, slot = slotAt(3)) {
  const light = client(rpc)
  const [proven] = await light.readSlots(await light.pin(), CONTRACT, [slot])
  return proven
}

const storage = (change: (proof: Hex[], entry: Proof['storageProof'][number]) => Hex[] | undefined) => (answer: Proof) => {
  const [entry] = answer.storageProof
  entry.proof = change(entry.proof, entry) ?? entry.proof
  return answer
}

describe('light client', () => {
  it('proves what a slot holds, and that another holds nothing', async () => {
    const held = await read(truth.rpc)
    expect(held).toMatchObject({
      value: 3007n,
      assurance: 'pinned',
      anchor: { block: 9n, hash: truth.block.hash, hosts: ['liar.example'] },
    })
    expect(assuranceSentence(held)).toContain('header of block 9, as served by liar.example')
    expect((await read(truth.rpc, slotAt(77))).value).toBe(0n)
    expect((await read(empty.rpc)).value).toBe(0n)
  })

  it('asks again for a proof that does not hold: one from beside the block is a busy node, two are a lie', async () => {
    let asked = 0
    const busy: Bend = { proof: (answer) => (asked++ === 0 ? older.prove(CONTRACT, [slotAt(3)]) : answer) }
    expect((await read(bent(truth, busy))).value).toBe(3007n)
    expect(asked).toBe(2)
  })

  it.each<[string, string, Bend, string?]>([
    ['a proof with its end dropped', 'slot', { proof: storage((proof) => proof.slice(0, -1)) }],
    ['no proof at all', 'slot', { proof: storage(() => []) }],
    ['the entry of the slot dropped', 'slot', { proof: (answer) => ({ ...answer, storageProof: [] }) }],
    ['a proof extended by a node', 'slot', { proof: storage((proof) => [...proof, proof[0]]) }],
    ['nodes swapped', 'slot', { proof: storage((proof) => proof.toReversed()) }],
    ['a node cut short', 'slot', { proof: storage((proof) => [...proof.slice(0, -1), proof.at(-1)!.slice(0, -2) as Hex]) }],
    [
      'a node in another spelling of RLP',
      'slot',
      { proof: storage((proof) => [...proof.slice(0, -1), `0xf900${proof.at(-1)!.slice(4)}`]) },
    ],
    ['another value beside a right proof', 'slot', { proof: storage((_, entry) => void (entry.value = '0xbeef')) }],
    ["the neighbour slot's right value", 'slot', { proof: async (_, chain) => chain.prove(CONTRACT, [slotAt(4)]) }],
    [
      "the neighbour's proof under this slot's name",
      'slot',
      { proof: async (_, chain) => storage((__, entry) => void (entry.key = slotAt(3)))(await chain.prove(CONTRACT, [slotAt(4)])) },
    ],
    ['a valid proof of an older root', 'account', { proof: () => older.prove(CONTRACT, [slotAt(3)]) }],
    [
      'the storage proof of an older root',
      'slot',
      { proof: async (answer) => ({ ...answer, storageProof: (await older.prove(CONTRACT, [slotAt(3)])).storageProof }) },
    ],
    [
      'an empty storage root on a living account',
      'account',
      {
        proof: (answer) => ({
          ...answer,
          storageHash: '0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421',
          storageProof: [{ key: slotAt(3), value: '0x0', proof: [] }],
        }),
      },
    ],
    [
      'an empty storage proof for a slot that holds something',
      'slot',
      { proof: (a) => ({ ...a, storageProof: [{ key: slotAt(3), value: '0x0', proof: [] }] }) },
    ],
    ['the proof of another account', 'account', { proof: (_, chain) => chain.prove(`0x${'11'.repeat(20)}`, [slotAt(3)]) }],
    ['an account proof cut short', 'account', { proof: (answer) => ({ ...answer, accountProof: answer.accountProof.slice(0, -1) }) }],
    ['a proof that is text', 'account', { proof: () => 'nothing to see' }],
    ['a node that is no hexadecimal', 'account', { proof: (answer) => ({ ...answer, accountProof: ['0xzz'] }) }],
    ['a state root that is not in the hash', 'header', { block: (block) => ({ ...block, stateRoot: older.header.stateRoot }) }],
    ['a header without its last field', 'header', { block: ({ requestsHash, ...block }) => block }],
    ['a header with a field missing in the middle', 'header', { block: ({ blobGasUsed, ...block }) => block }],
    ['a header with a field of an unknown fork', 'header', { block: (block) => ({ ...block, balAccessHash: block.stateRoot }) }],
    ['a header field of the wrong length', 'header', { block: (block) => ({ ...block, nonce: '0x00' }) }],
    ['an integer with a leading zero', 'header', { block: (block) => ({ ...block, gasUsed: '0x00' }) }],
    ['no header', 'header', { block: () => null }],
    [
      'a header of an unknown field count, sealed right',
      'header',
      { block: () => sealed(Object.fromEntries(Object.entries(truth.header).slice(0, 18))) },
    ],
  ])('names the RPC that serves %s', async (_, what, bend) => {
    await expect(read(bent(truth, bend))).rejects.toMatchObject({
      code: 'rpc_lied',
      meta: { host: 'liar.example', what: expect.stringContaining(what) },
    })
  })

  it('refuses another chain, a header from the past, and a step back', async () => {
    await expect(read(bent(truth, { chainId: '0x1' }))).rejects.toMatchObject({ code: 'wrong_chain', meta: { expected: CHAIN_ID, got: 1 } })
    const past = await fakeChain(slots, 9, 1_700_000_000)
    await expect(read(past.rpc)).rejects.toMatchObject({ code: 'rpc_stale', meta: { host: 'liar.example' } })
    let served = truth
    const light = client({ host: 'liar.example', request: (method, params) => served.rpc.request(method, params) })
    await light.pin()
    served = older
    await expect(light.pin()).rejects.toMatchObject({ code: 'rpc_stale', meta: { block: 8, seen: 9 } })
  })

  it('does not take an answer that was overtaken for a step back', async () => {
    const answers = [older, truth]
    const gates: (() => void)[] = []
    const light = client({
      host: 'a',
      async request(method, params) {
        if (method !== 'eth_getBlockByNumber') return truth.rpc.request(method, params)
        const chain = answers.shift()!
        await new Promise<void>((resolve) => gates.push(resolve))
        return chain.rpc.request(method, params)
      },
    })
    const both = [light.pin(), light.pin()]
    await expect.poll(() => gates.length).toBe(2)
    gates[1]()
    expect((await both[1]).number).toBe(9n)
    gates[0]()
    expect((await both[0]).number).toBe(8n)
  })

  it('sees two endpoints disagree about one block', async () => {
    const other = await fakeChain({ ...slots, [slotAt(3)]: 1n }, 9)
    const named = (host: string, chain: FakeChain): Rpc => ({ ...chain.rpc, host })
    await expect(client(named('a', truth), named('b', other)).pin()).rejects.toMatchObject({
      code: 'rpc_disagree',
      meta: { first: 'a', second: 'b', block: 9 },
    })
    expect((await client(named('a', truth), named('b', truth)).pin()).hosts).toEqual(['a', 'b'])
  })

  it('tells a proven absence of the contract from a lie', async () => {
    const light = client(truth.rpc)
    const nobody = `0x${'22'.repeat(20)}` as Hex
    await expect(light.readSlots(await light.pin(), nobody, [slotAt(0)])).rejects.toMatchObject({ code: 'contract_missing' })
  })
})

describe('http rpc', () => {
  const answering = (body: string, status = 200) =>
    httpRpc('http://node.example:1', { fetch: (async () => new Response(body, { status })) as typeof fetch, timeoutMs: 30 })

  it('types what goes wrong and names the host', async () => {
    const stalled: typeof fetch = (_, init) =>
      new Promise((__, reject) => {
        if (init?.signal?.aborted) reject(init.signal.reason)
        init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))
      })
    const dead = (async () => Promise.reject(new TypeError('fetch failed'))) as typeof fetch
    const ask = (rpc: Rpc) => rpc.request('eth_chainId', [])
    const meta = { host: 'node.example:1' }
    await expect(ask(httpRpc('http://node.example:1', { fetch: stalled, timeoutMs: 10 }))).rejects.toMatchObject({
      code: 'rpc_timeout',
      meta,
    })
    await expect(ask(httpRpc('http://node.example:1', { fetch: dead }))).rejects.toMatchObject({ code: 'rpc_unreachable', meta })
    await expect(ask(answering('<html>', 502))).rejects.toMatchObject({ code: 'rpc_unreachable' })
    await expect(ask(answering('<html>'))).rejects.toMatchObject({ code: 'rpc_lied', meta })
    await expect(ask(answering('{"jsonrpc":"2.0","id":1}'))).rejects.toMatchObject({ code: 'rpc_lied' })
    await expect(ask(answering('{"error":{"message":"no such block"}}'))).rejects.toThrow('no such block')
    expect(await ask(answering('{"result":"0x1"}'))).toBe('0x1')
    const signal = AbortSignal.abort()
    await expect(httpRpc('http://x', { fetch: stalled }).request('m', [], signal)).rejects.toMatchObject({
      code: expect.stringMatching(/cancelled|rpc_timeout/),
    })
  })
})
