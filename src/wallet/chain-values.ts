// The chain, as the steps of a verification ask for it: proven values with their label, lines from a validator's word. Not
// the steps themselves (attribution/verify.ts), which check each line against the proven root.
// Invariant: one verification reads one pinned header, so that its values belong together.
import { recoverAddress, zeroAddress } from 'viem'
import type { Hex } from '../attribution/types.ts'
import type { ChainValues, Proven as LabelledValue } from '../attribution/verify.ts'
import { assuranceSentence, type Proven } from './light-client/client.ts'
import type { ContractState } from './light-client/contract-state.ts'
import type { ValidatorClient } from './validator-client.ts'

/** A proven value with the sentence that says what it rests on. */
export function labelled<T>(proven: Proven<T>): LabelledValue<T> {
  return { value: proven.value, assurance: { level: proven.assurance, label: assuranceSentence(proven) } }
}

/** For one run of `verifySteps`. The header is pinned when the first value is asked for. */
export function chainValues(
  state: Pick<ContractState, 'pin' | 'parametersHash' | 'headAt' | 'batchOf' | 'batch'>,
  validators: Pick<ValidatorClient, 'lookUp'>,
  signal?: AbortSignal,
): ChainValues {
  let pinning: ReturnType<typeof state.pin> | undefined
  const pinned = () => (pinning ??= state.pin(signal))
  // All lines of a receipt come in one answer.
  const told = new Map<Hex, Promise<unknown>>()
  const tellOf = (receiptId: Hex) => {
    if (!told.has(receiptId)) told.set(receiptId, validators.lookUp(receiptId, signal))
    return told.get(receiptId) as Promise<{ batch?: unknown; lines?: unknown } | null>
  }
  return {
    parametersHash: async () => labelled(await state.parametersHash(await pinned())),
    headAt: async (datanet, contributions) => labelled(await state.headAt(await pinned(), datanet, contributions)),
    async batchOf(receiptId) {
      const batch = await state.batchOf(await pinned(), receiptId)
      if (batch.value === 0) return labelled({ ...batch, value: null })
      const held = await state.batch(await pinned(), batch.value)
      const { linesRoot, lineCount, status } = held.value
      // A refuted batch pays nobody: its receipts are as good as not posted.
      return labelled({ ...held, value: status === 'cancelled' ? null : { batch: batch.value, linesRoot, lineCount } })
    },
    async lineOf(batch, account, receiptId) {
      const answer = await tellOf(receiptId)
      if (answer?.batch !== batch || !Array.isArray(answer.lines)) return null
      return (
        answer.lines.map(readLine).find((found) => found?.line.account === account.toLowerCase() && found.line.receiptId === receiptId) ??
        null
      )
    },
  }
}

type FoundLine = NonNullable<Awaited<ReturnType<ChainValues['lineOf']>>>

const HASH = /^0x[0-9a-f]{64}$/

/** A line as a validator tells it; null when it is malformed, which is no better than none. */
function readLine(told: unknown): FoundLine | null {
  const { index, account, receiptId, amount, runningTotal, proof } = told as Record<string, unknown>
  const whole = (value: unknown): value is string => typeof value === 'string' && /^\d{1,78}$/.test(value)
  if (typeof index !== 'number' || !Number.isSafeInteger(index) || !whole(amount) || !whole(runningTotal)) return null
  if (typeof account !== 'string' || !/^0x[0-9a-f]{40}$/.test(account) || typeof receiptId !== 'string' || !HASH.test(receiptId))
    return null
  if (!Array.isArray(proof) || !proof.every((sibling) => typeof sibling === 'string' && HASH.test(sibling))) return null
  const line = { account: account as Hex, receiptId: receiptId as Hex, amount: BigInt(amount), runningTotal: BigInt(runningTotal) }
  return { line, index, proof: proof as Hex[] }
}

/** Lower-case address that signed `digest`; the zero address for a signature that is none, which nobody pays with. */
export async function recoverSigner(digest: Hex, signature: Hex): Promise<Hex> {
  try {
    return (await recoverAddress({ hash: digest, signature })).toLowerCase() as Hex
  } catch {
    return zeroAddress
  }
}
