// The wallet's desk without a chain, for specs and for work on looks: real keys, a real budget, coin that is only a number.
// Knobs in the query: `chain=none`, `balance` in OPEN, `earned` (payments, one a day), `faucet=none`.
import type { Ledger } from '../../chat/ports.ts'
import { OpenChatError } from '../../errors.ts'
import { indexedDbRecords } from '../../storage/records.ts'
import type { BudgetState } from '../../wallet/budget.ts'
import type { Endpoints } from '../../wallet/endpoints.ts'
import { openConnection } from '../ports/connection.ts'
import { openKeyDesk } from '../ports/keys.ts'
import { told } from '../ports/told.ts'
import type { Assurance, KeyService, WalletService, WalletState } from '../services.ts'

const OPEN = 10n ** 18n
const DAY_S = 86_400
const WITHDRAWAL_S = 2
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

export function fakeWalletDesk(query: URLSearchParams, fee: bigint, assurance: Assurance, ledger: Ledger) {
  const absent = new OpenChatError('rpc_unreachable', 'The chain does not answer.', { action: 'Start the devnet with npm start.' })
  const noChain = query.get('chain') === 'none'
  const state = told<WalletState>({ state: 'opening' })
  const budgetState = told<BudgetState>({ limit: null, spent: 0n, left: null })
  const records = indexedDbRecords()
  const now = () => Math.floor(Date.now() / 1000)
  const balance = BigInt(Math.round(Number(query.get('balance') ?? 1) * 1000)) * (OPEN / 1000n)

  async function open() {
    if (noChain) throw absent
    const [{ openBurner }, { createBudget }] = await Promise.all([import('../../wallet/burner.ts'), import('../../wallet/budget.ts')])
    const settings = { chainId: 42069, rpcUrl: 'http://127.0.0.1:1' }
    const deposits = { sweep: (to: string) => service.sweep(to) }
    return { burner: await openBurner(records), budget: createBudget(records), settings, ledger, deposits }
  }
  let opening = open()
  opening.catch(() => undefined)
  const wallet = () => opening

  const desk = {
    connected: null as Awaited<ReturnType<typeof connection.resume>>,
    wallet,
    maybe: () => wallet().catch(() => null),
    async reopen() {
      opening = open()
      await show()
    },
    opened: () => () => undefined,
    async budgetChanged() {
      const held = await desk.maybe()
      if (held) budgetState.set(await held.budget.state())
    },
  }
  const connection = openConnection(() => void keys.connectionChanged())
  const keys = openKeyDesk(desk, connection)

  async function show() {
    const held = await desk.maybe()
    if (held === null) return state.set({ state: 'absent', error: absent })
    const before = state.value.state === 'ready' ? state.value : { balance, deposit: 0n, unlockAt: 0, payerBalance: balance }
    state.set({
      ...before,
      state: 'ready',
      address: desk.connected?.address ?? `0x${'51ab'.repeat(10)}`,
      chain: 'Open Chat devnet',
      assurance,
      payer: held.burner.address,
      walletName: desk.connected?.name ?? null,
      blockTime: now(),
      faucet: query.get('faucet') !== 'none',
    })
  }
  setTimeout(async () => {
    desk.connected = await connection.resume()
    await show()
  }, 50)

  const change = async (next: (held: Extract<WalletState, { state: 'ready' }>) => Partial<WalletState>) => {
    await pause(100)
    const held = state.value
    if (held.state === 'ready') state.set({ ...held, blockTime: now(), ...next(held) } as WalletState)
  }

  const service: WalletService = {
    fee,
    subscribe: state.subscribe,
    deposit: (wei) => change((held) => ({ balance: held.balance - wei, deposit: held.deposit + wei })),
    topUp: () => change((held) => ({ balance: held.balance + 10n * OPEN })),
    requestWithdrawal: () => change(() => ({ unlockAt: now() + WITHDRAWAL_S })),
    withdraw: () => change((held) => ({ balance: held.balance + held.deposit, deposit: 0n, unlockAt: 0 })),
    async sweep(to) {
      if (!/^0x[0-9a-fA-F]{40}$/.test(to)) throw new OpenChatError('address_invalid', 'That is no address that funds can be moved to.')
      const moved = state.value.state === 'ready' ? state.value.payerBalance : 0n
      await change(() => ({ payerBalance: 0n }))
      return moved
    },
    async earnings() {
      if (noChain) throw absent
      const list = Array.from({ length: Number(query.get('earned') ?? 0) }, (_, i) => ({
        batch: 90 - i,
        wei: (OPEN / 10_000n) * BigInt(1 + ((i * 7) % 5)),
        at: now() - i * DAY_S,
      }))
      return { earnings: { list, total: list.reduce((sum, { wei }) => sum + wei, 0n), earlier: 0n }, assurance }
    },
    budget(listener) {
      void desk.budgetChanged()
      return budgetState.subscribe(listener)
    },
    async setBudget(wei) {
      budgetState.set(await (await wallet()).budget.setLimit(wei))
    },
  }
  // The fake page has no settings of a chain beside it.
  let endpoints: Endpoints = {
    rpcUrl: 'http://127.0.0.1:8545',
    rpcUrls: [],
    daUrl: 'http://127.0.0.1:8601',
    validatorUrls: ['http://127.0.0.1:8602'],
  }
  let chosen = false
  const keyService: KeyService = {
    ...keys.service,
    endpoints: async () => ({ endpoints, chosen, chainId: 42069 }),
    async tryEndpoints(typed) {
      const dead = typed.daUrl.includes('dead')
      if (!dead) {
        endpoints = typed
        chosen = true
      }
      return [
        { kind: 'rpc', url: typed.rpcUrl, ok: true, detail: 'Chain 42069 at block 128, with the contracts, proven.' },
        { kind: 'da', url: typed.daUrl, ok: !dead, detail: dead ? 'It cannot be reached.' : 'It answers as expected.' },
      ]
    },
    async resetEndpoints() {
      chosen = false
    },
  }
  return { desk, service, keys: keyService }
}
