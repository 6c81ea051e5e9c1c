import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectWallet, type Eip1193, type OfferedWallet, offeredWallets, resumeWallet } from './injected-wallet.ts'

const ADDRESS = '0xAbCdEf0123456789aBcDeF0123456789abCDeF01'
const CHAIN = { chainId: 42069, rpcUrl: 'http://127.0.0.1:8545' }
const PATIENCE = { silentMs: 30, promptMs: 60 }

/** A wallet of one account. Answers override it by method; a function is called. */
function walletOf(answers: Record<string, unknown> = {}, chainId = '0xa455') {
  const asked: string[] = []
  const held = { chainId }
  const listeners = new Map<string, (value: never) => void>()
  const provider: Eip1193 = {
    async request({ method, params }) {
      asked.push(method)
      if (method in answers) {
        const answer = answers[method]
        return typeof answer === 'function' ? answer(params, held) : answer
      }
      if (method === 'eth_requestAccounts' || method === 'eth_accounts') return [ADDRESS]
      if (method === 'eth_chainId') return held.chainId
      if (method === 'wallet_switchEthereumChain') held.chainId = (params as { chainId: string }[])[0]!.chainId
      return null
    },
    on: (event, listener) => listeners.set(event, listener),
    removeListener: (event) => listeners.delete(event),
  }
  const offered: OfferedWallet = { id: 'org.test', name: 'Test Wallet', icon: null, provider }
  const emit = (event: string, value: unknown) => listeners.get(event)?.(value as never)
  return { offered, asked, held, emit, listeners }
}

const never = () => new Promise(() => undefined)
const refusal = (code: number) => () => Promise.reject(Object.assign(new Error('no'), { code }))
const connect = (wallet: { offered: OfferedWallet }, signal = new AbortController().signal) =>
  connectWallet(wallet.offered, CHAIN, signal, PATIENCE)

describe('a wallet beside the page', () => {
  it('connects, in lower case, without changing a chain that is right', async () => {
    const wallet = walletOf()
    expect((await connect(wallet)).address).toBe(ADDRESS.toLowerCase())
    expect(wallet.asked).toEqual(['eth_requestAccounts', 'eth_chainId'])
  })

  it('is asked to change its chain, and to add one that it does not know', async () => {
    const other = walletOf({}, '0x1')
    await connect(other)
    expect(other.held.chainId).toBe('0xa455')
    for (const error of [{ code: 4902 }, { code: -32603, data: { originalError: { code: 4902 } } }]) {
      const unknown = walletOf(
        {
          wallet_switchEthereumChain: () => Promise.reject(error),
          wallet_addEthereumChain: ([chain]: [{ chainId: string; rpcUrls: string[] }], held: { chainId: string }) => {
            expect(chain.rpcUrls).toEqual([CHAIN.rpcUrl])
            held.chainId = chain.chainId
            return null
          },
        },
        '0x1',
      )
      await connect(unknown)
      expect(unknown.asked).toEqual([
        'eth_requestAccounts',
        'eth_chainId',
        'wallet_switchEthereumChain',
        'wallet_addEthereumChain',
        'eth_chainId',
      ])
    }
  })

  it.each([
    ['refuses its account', walletOf({ eth_requestAccounts: refusal(4001) }), 'wallet_refused'],
    ['gives no account', walletOf({ eth_requestAccounts: [] }), 'wallet_refused'],
    ['breaks', walletOf({ eth_requestAccounts: refusal(-32603) }), 'wallet_failed'],
    ['gives a number', walletOf({ eth_requestAccounts: 7 }), 'wallet_invalid'],
    ['gives a word', walletOf({ eth_requestAccounts: ['me'] }), 'wallet_invalid'],
    ['gives an object for a chain', walletOf({ eth_chainId: {} }), 'wallet_invalid'],
    ['gives a huge chain', walletOf({ eth_chainId: `0x${'f'.repeat(64)}` }), 'wallet_invalid'],
    ['never answers', walletOf({ eth_requestAccounts: never }), 'wallet_silent'],
    ['never tells its chain', walletOf({ eth_chainId: never }), 'wallet_silent'],
    ['refuses to change its chain', walletOf({ wallet_switchEthereumChain: refusal(4001) }, '0x1'), 'wallet_wrong_chain'],
    ['says it changed and did not', walletOf({ wallet_switchEthereumChain: null }, '0x1'), 'wallet_wrong_chain'],
    [
      'refuses to add the chain',
      walletOf({ wallet_switchEthereumChain: refusal(4902), wallet_addEthereumChain: refusal(4001) }, '0x1'),
      'wallet_wrong_chain',
    ],
  ])('that %s is a typed error', async (_, wallet, code) => {
    await expect(connect(wallet)).rejects.toMatchObject({ code, action: expect.any(String) })
  })

  it('may be left waiting', async () => {
    const stop = new AbortController()
    const waiting = connectWallet(walletOf({ eth_requestAccounts: never }).offered, CHAIN, stop.signal)
    stop.abort()
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('is taken up again without a prompt, for the same account only', async () => {
    const signal = new AbortController().signal
    const wallet = walletOf()
    const resumed = await resumeWallet(wallet.offered, ADDRESS.toLowerCase() as `0x${string}`, signal, PATIENCE)
    expect(resumed?.id).toBe('org.test')
    expect(wallet.asked).toEqual(['eth_accounts'])
    expect(await resumeWallet(wallet.offered, `0x${'11'.repeat(20)}`, signal, PATIENCE)).toBeNull()
    expect(await resumeWallet(walletOf({ eth_accounts: [] }).offered, ADDRESS as `0x${string}`, signal, PATIENCE)).toBeNull()
  })

  it('tells when its account is another, or it is gone', async () => {
    const wallet = walletOf()
    let told = 0
    const stop = (await connect(wallet)).watch(() => told++)
    wallet.emit('accountsChanged', [ADDRESS])
    expect(told).toBe(0)
    wallet.emit('accountsChanged', [`0x${'22'.repeat(20)}`])
    wallet.emit('accountsChanged', [])
    wallet.emit('disconnect', {})
    expect(told).toBe(3)
    stop()
    expect(wallet.listeners.size).toBe(0)
  })
})

describe('announcements', () => {
  const target = new EventTarget()
  beforeEach(() => {
    Object.assign(globalThis, { window: target })
  })
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'window')
  })

  it('are taken once each, and only when they are whole', () => {
    const seen: OfferedWallet[] = []
    const stop = offeredWallets((wallet) => seen.push(wallet))
    const announce = (detail: unknown) => target.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
    const provider = { request: async () => null }
    announce({ info: { rdns: 'a.b', name: 'A', icon: 'data:image/png;base64,AA' }, provider })
    announce({ info: { rdns: 'a.b', name: 'Again', icon: '' }, provider })
    announce({ info: { rdns: 'c.d', name: 'C', icon: 'https://tracker.example/x.png' }, provider })
    for (const broken of [null, {}, { info: { rdns: 7, name: 'x' }, provider }, { info: { rdns: 'e.f', name: 'E' } }]) announce(broken)
    expect(seen.map(({ id, icon }) => [id, icon])).toEqual([
      ['a.b', 'data:image/png;base64,AA'],
      ['c.d', null],
    ])
    stop()
  })
})
