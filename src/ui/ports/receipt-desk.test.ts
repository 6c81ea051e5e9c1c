// What a badge hears of a receipt: also that it was refused and then offered again, perhaps in another tab.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Hex } from '../../attribution/types.ts'
import type { ReceiptState } from '../../chat/ports.ts'
import { openReceiptDesk, type ReceiptPorts } from './receipt-desk.ts'

const ID: Hex = `0x${'ab'.repeat(32)}`

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** A desk over an outbox and a chain that say what the test says; nothing is stored. */
function desk(sent: { state: ReceiptState; done: boolean }) {
  const house = { sent, asked: 0 }
  const ledger = {
    outbox: { get: async () => house.sent },
    status: async () => {
      house.asked++
      return null
    },
  }
  const ports = { wallet: { maybe: async () => ({ ledger }) } } as unknown as ReceiptPorts
  const told: string[] = []
  const stop = openReceiptDesk(ports).service.watch(ID, ({ state }) => {
    if (told.at(-1) !== state) told.push(state)
  })
  return { house, told, stop }
}

test('a refused receipt that is offered again is followed again; until then the chain is left alone', async () => {
  const { house, told, stop } = desk({ state: { state: 'refused', reason: 'No deposit.' }, done: true })
  await vi.advanceTimersByTimeAsync(10_000)
  expect(told).toEqual(['signed', 'refused'])
  expect(house.asked).toBe(1)
  house.sent = { state: { state: 'signed' }, done: false }
  await vi.advanceTimersByTimeAsync(3000)
  expect(told).toEqual(['signed', 'refused', 'signed'])
  expect(house.asked).toBeGreaterThan(1)
  stop()
  await vi.advanceTimersByTimeAsync(0)
  expect(vi.getTimerCount()).toBe(0)
})

test('one whose batch was refuted is followed on: it may be posted again', async () => {
  const reason = 'Batch 3, which carried it, was refuted.'
  const { house, told, stop } = desk({ state: { state: 'refused', reason }, done: false })
  await vi.advanceTimersByTimeAsync(5000)
  house.sent = { state: { state: 'posted', batch: 4, finalAt: 9 }, done: false }
  await vi.advanceTimersByTimeAsync(3000)
  expect(told).toEqual(['signed', 'refused', 'posted'])
  stop()
})
