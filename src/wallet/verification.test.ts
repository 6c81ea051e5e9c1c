import { expect, it } from 'vitest'
import type { Hex } from '../attribution/types.ts'
import type { ChainValues } from '../attribution/verify.ts'
import { OpenChatError } from '../errors.ts'
import { allProven, type FetchedChain, fetchChain, type VerificationNeeds, withLastSaid } from './verification.ts'

const hash = (digit: string): Hex => `0x${digit.repeat(64)}`
const account: Hex = `0x${'ab'.repeat(20)}`
const needs: VerificationNeeds = {
  receiptId: hash('1'),
  digest: hash('2'),
  heads: [{ datanet: 3n, contributions: 7 }],
  accounts: [account],
}
const line = { line: { account, receiptId: needs.receiptId, amount: 5n, runningTotal: 5n }, index: 0, proof: [] }
const at = (block: number) => ({ level: 'pinned', label: `Block ${block}.` })

const answering = (block: number, batch: number | null): ChainValues => ({
  parametersHash: async () => ({ value: hash('4'), assurance: at(block) }),
  headAt: async () => ({ value: hash('5'), assurance: at(block) }),
  batchOf: async () => ({ value: batch === null ? null : { batch, linesRoot: hash('6'), lineCount: 1 }, assurance: at(block) }),
  lineOf: async () => line,
})
const failing = (code: string): ChainValues => {
  const fail = () => Promise.reject(new OpenChatError(code, `It is ${code}.`))
  return { parametersHash: fail, headAt: fail, batchOf: fail, lineOf: fail }
}
const codes = ({ parametersHash, heads, batch }: FetchedChain) =>
  [parametersHash, heads['3:7']!, batch].map((found) => ('error' in found ? found.error.code : found.proven.assurance.label))

it('puts what was proven before in the place of what cannot be asked, and says when that was', async () => {
  const [before, now] = [await fetchChain(answering(12, 1), needs), await fetchChain(failing('rpc_unreachable'), needs)]
  expect(allProven(before)).toBe(true)
  expect(allProven(now)).toBe(false)
  const said = withLastSaid(now, before, '14:02')
  expect(codes(said)).toEqual(Array(3).fill('Block 12. That was 14:02; the chain cannot be asked now.'))
  expect(said.lines).toEqual({ [account]: line })
})

it('never covers a lie, or what is known now, with what was said before', async () => {
  const before = await fetchChain(answering(12, 1), needs)
  expect(codes(withLastSaid(await fetchChain(failing('rpc_lied'), needs), before, '14:02'))).toEqual(Array(3).fill('rpc_lied'))
  expect(codes(withLastSaid(await fetchChain(answering(13, 1), needs), before, '14:02'))).toEqual(Array(3).fill('Block 13.'))
})

it('does not repeat that a receipt was in no batch: it may have come since', async () => {
  const before = await fetchChain(answering(12, null), needs)
  const said = withLastSaid(await fetchChain(failing('rpc_timeout'), needs), before, '14:02')
  expect(codes(said)[2]).toBe('rpc_timeout')
})

it('with every validator silent the chain is still read; only the lines are missing', async () => {
  const silent = { ...answering(12, 1), lineOf: () => Promise.reject(new OpenChatError('validator_unreachable', 'Nobody.')) }
  const found = await fetchChain(silent, needs)
  expect(allProven(found)).toBe(true)
  expect(found.lines).toEqual({})
})
