import { describe, expect, it } from 'vitest'
import type { Hex } from '../attribution/types.ts'
import { createDeposits } from './deposit.ts'
import type { PinnedHeader, Proven } from './light-client/client.ts'
import type { CoinTransactions } from './transactions.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const PAYER: Hex = `0x${'aa'.repeat(20)}`
const WALLET: Hex = `0x${'bb'.repeat(20)}`
const contract: Hex = `0x${'cc'.repeat(20)}`
const addresses = { wopen: contract, datanets: contract, attributions: contract, payouts: contract }
const OPEN = 10n ** 18n
const COST = 21_000n

const pinned: PinnedHeader = {
  hash: hash('11'),
  parentHash: hash('12'),
  stateRoot: hash('13'),
  number: 5n,
  timestamp: 1_000n,
  chainId: 42069,
  hosts: ['node'],
}
const proven = <T>(value: T): Proven<T> => ({
  value,
  assurance: 'pinned',
  anchor: { block: 5n, hash: pinned.hash, timestamp: 1_000n, hosts: ['node'] },
})

interface World {
  balances: Record<Hex, bigint>
  deposit: bigint
  unlockAt: number
  /** `function` or `transfer`, with who sent it. */
  sent: string[]
}

/** The escrow's rules, as far as deposits need them. `faucet`: wei it gives, or the status it fails with. */
function setUp(balance: bigint, deposit: bigint, faucet: bigint | number | null, wallet = false) {
  const world: World = { balances: { [PAYER]: balance, [WALLET]: OPEN }, deposit, unlockAt: 0, sent: [] }
  const by = (from: Hex): CoinTransactions => {
    const done = {} as Awaited<ReturnType<CoinTransactions['send']>>
    return {
      async send({ functionName, value = 0n, args }) {
        world.sent.push(`${from === WALLET ? 'wallet' : 'key'} ${functionName}`)
        world.balances[from]! -= value
        if (functionName === 'deposit') world.deposit += value
        if (functionName === 'requestWithdrawal') world.unlockAt = 1_032
        if (functionName === 'withdraw') {
          world.deposit -= args[0] as bigint
          world.balances[from]! += args[0] as bigint
        }
        return done
      },
      async transfer(to, wei) {
        world.sent.push(`${from === WALLET ? 'wallet' : 'key'} transfer`)
        world.balances[from]! -= wei + COST
        world.balances[to] = (world.balances[to] ?? 0n) + wei
        return done
      },
      transferCost: async () => COST,
    }
  }
  const fetch = (async (_: string, { body }: RequestInit) => {
    if (typeof faucet === 'number') return new Response('', { status: faucet })
    const { address } = JSON.parse(String(body)) as { address: Hex }
    world.balances[address]! += faucet!
    return new Response('{}')
  }) as unknown as typeof globalThis.fetch
  const deposits = createDeposits({
    payer: PAYER,
    settings: { addresses, faucetUrl: faucet === null ? null : 'http://faucet/fund' },
    state: {
      pin: async () => pinned,
      balance: async (_, account) => proven(world.balances[account]!),
      deposit: async () => proven(world.deposit),
      escrow: async () => proven({ balance: world.deposit, unlockAt: world.unlockAt }),
    },
    transactions: by(PAYER),
    ...(wallet ? { wallet: { address: WALLET, transactions: by(WALLET) } } : {}),
    fetch,
  })
  return { world, deposits }
}

describe('deposits of the page’s own account', () => {
  it('adds only what is missing, once for many that ask together', async () => {
    const { world, deposits } = setUp(0n, 0n, 10n * OPEN)
    await Promise.all([1, 2, 3].map(() => deposits.ensure(OPEN / 1000n, OPEN / 10n)))
    expect(world).toMatchObject({ sent: ['key deposit'], deposit: OPEN / 10n })
  })

  it('says what is missing when there is no more', async () => {
    await expect(setUp(5n, 0n, 0n).deposits.ensure(OPEN, OPEN)).rejects.toMatchObject({
      code: 'balance_insufficient',
      meta: { balance: '5' },
    })
    await expect(setUp(5n, 0n, 429).deposits.ensure(OPEN, OPEN)).rejects.toMatchObject({ code: 'faucet_failed' })
    await expect(setUp(5n, 0n, 0n).deposits.fund()).rejects.toMatchObject({ code: 'balance_insufficient' })
    await expect(setUp(OPEN, 0n, 500).deposits.fund()).resolves.toBeUndefined()
    await expect(setUp(OPEN, 0n, null).deposits.topUp()).rejects.toMatchObject({ code: 'faucet_absent' })
  })

  it('takes everything back after the delay, which is told in block time', async () => {
    const { world, deposits } = setUp(OPEN, 7n * OPEN, 0n)
    expect((await deposits.money()).value).toMatchObject({ deposit: 7n * OPEN, unlockAt: 0, blockTime: 1_000 })
    await deposits.requestWithdrawal()
    expect((await deposits.money()).value.unlockAt).toBe(1_032)
    await deposits.withdraw()
    expect(world.deposit).toBe(0n)
    expect(world.balances[PAYER]).toBe(8n * OPEN)
  })

  it('moves all but the gas, and not to itself or to nowhere', async () => {
    const { world, deposits } = setUp(OPEN, 0n, 0n)
    for (const to of [PAYER, '0x12', '', `${WALLET}00`]) await expect(deposits.sweep(to)).rejects.toMatchObject({ code: 'address_invalid' })
    expect(await deposits.sweep(` ${WALLET.toUpperCase().replace('0X', '0x')} `)).toBe(OPEN - 2n * COST)
    expect(world.balances[WALLET]).toBe(2n * OPEN - 2n * COST)
    await expect(deposits.sweep(WALLET)).rejects.toMatchObject({ code: 'balance_insufficient' })
  })
})

describe('deposits that a wallet makes for the page’s key', () => {
  it('come from the wallet, by a deed of its person only', async () => {
    const { world, deposits } = setUp(0n, 0n, 10n * OPEN, true)
    await expect(deposits.ensure(1n, 100n)).rejects.toMatchObject({ code: 'deposit_spent' })
    expect(world.sent).toEqual([])
    await deposits.add(OPEN / 2n)
    expect(world).toMatchObject({ sent: ['wallet deposit'], deposit: OPEN / 2n })
    expect(world.balances[PAYER]).toBe(0n)
    await deposits.ensure(1n, 100n)
    expect((await deposits.money()).value).toMatchObject({ balance: OPEN / 2n, sessionBalance: 0n, deposit: OPEN / 2n })
  })

  it('are taken back by the key, with gas from the wallet where the key has none', async () => {
    const { world, deposits } = setUp(0n, OPEN, null, true)
    await deposits.requestWithdrawal()
    expect(world.sent).toEqual(['wallet transfer', 'key requestWithdrawal'])
  })
})
