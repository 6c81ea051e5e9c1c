// Everything a verification needs of chain, validator and key, fetched before it starts: the steps run in a worker that
// knows no chain. Each value arrives proven or with the reason why not; a missing one makes its step unknown, not wrong.
import type { Hex } from '../attribution/types.ts'
import type { ChainValues, PostedBatch, Proven } from '../attribution/verify.ts'
import { type ErrorWire, toWire } from '../errors.ts'
import { recoverSigner } from './chain-values.ts'

export type Outcome<T> = { proven: Proven<T> } | { error: ErrorWire }

export interface VerificationNeeds {
  receiptId: Hex
  digest: Hex
  heads: { datanet: bigint; contributions: number }[]
  accounts: Hex[]
}

type FoundLine = NonNullable<Awaited<ReturnType<ChainValues['lineOf']>>>

export interface FetchedChain {
  parametersHash: Outcome<Hex>
  /** Keyed `${datanet}:${contributions}`. */
  heads: Record<string, Outcome<Hex>>
  batch: Outcome<PostedBatch | null>
  /** By account, lower case. */
  lines: Record<string, FoundLine>
}

async function outcome<T>(read: Promise<Proven<T>>): Promise<Outcome<T>> {
  try {
    return { proven: await read }
  } catch (error) {
    return { error: toWire(error) }
  }
}

export async function fetchChain(chain: ChainValues, needs: VerificationNeeds): Promise<FetchedChain> {
  // The first read pins the header that all the others stand in.
  const parametersHash = await outcome(chain.parametersHash())
  const heads: FetchedChain['heads'] = {}
  for (const { datanet, contributions } of needs.heads) {
    heads[`${datanet}:${contributions}`] = await outcome(chain.headAt(datanet, contributions))
  }
  const batch = await outcome(chain.batchOf(needs.receiptId))
  const lines: FetchedChain['lines'] = {}
  const posted = 'proven' in batch ? batch.proven.value : null
  for (const account of posted === null ? [] : needs.accounts) {
    const found = await chain.lineOf(posted!.batch, account, needs.receiptId)
    if (found !== null) lines[account.toLowerCase()] = found
  }
  return { parametersHash, heads, batch, lines }
}

/** Who signed; a signature that cannot be read is an error, not a stranger. */
export async function fetchSigner(digest: Hex, signature: Hex): Promise<{ address: Hex } | { error: ErrorWire }> {
  try {
    return { address: await recoverSigner(digest, signature) }
  } catch (error) {
    return { error: toWire(error) }
  }
}
