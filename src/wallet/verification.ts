// Everything a verification needs of chain, validator and key, fetched before it starts: the steps run in a worker that
// knows no chain. Each value arrives proven or with the reason why not; a missing one makes its step unknown, not wrong.
import type { Hex } from '../attribution/types.ts'
import type { ChainValues, PostedBatch, Proven } from '../attribution/verify.ts'
import { asOpenChatError, type ErrorWire, toWire } from '../errors.ts'
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
    // On validators' word alone; while none answers, the line is as good as not given.
    const found = await chain.lineOf(posted!.batch, account, needs.receiptId).catch(unlessCancelled)
    if (found !== null) lines[account.toLowerCase()] = found
  }
  return { parametersHash, heads, batch, lines }
}

/** What the chain said of a receipt when it was last asked. */
export interface LastSaid {
  chain: FetchedChain
  /** ms since the epoch. */
  at: number
}

/** The chain was not there to be asked; anything else it said, or was caught saying, counts. */
const SILENT = ['rpc_unreachable', 'rpc_timeout']

/**
 * With what was proven before in the place of what cannot be asked now, at its own block and level, and saying so.
 * @param when of the earlier look, for people
 */
export function withLastSaid(fetched: FetchedChain, last: FetchedChain, when: string): FetchedChain {
  const silent = (found: Outcome<unknown> | undefined) => found !== undefined && 'error' in found && SILENT.includes(found.error.code)
  const earlier = <T>(now: Outcome<T>, before: Outcome<T> | undefined): Outcome<T> => {
    if (!silent(now) || before === undefined || !('proven' in before)) return now
    const { value, assurance } = before.proven
    const label = `${assurance.label} That was ${when}; the chain cannot be asked now.`
    return { proven: { value, assurance: { ...assurance, label } } }
  }
  const heads = Object.entries(fetched.heads).map(([key, head]) => [key, earlier(head, last.heads[key])] as const)
  // A batch that nobody holds yet may have come since: that is not worth repeating.
  const posted = 'proven' in last.batch && last.batch.proven.value !== null
  return {
    parametersHash: earlier(fetched.parametersHash, last.parametersHash),
    heads: Object.fromEntries(heads),
    batch: posted ? earlier(fetched.batch, last.batch) : fetched.batch,
    lines: silent(fetched.batch) && posted ? last.lines : fetched.lines,
  }
}

/** Whether all that was asked of the chain came proven. */
export function allProven({ parametersHash, heads, batch }: FetchedChain): boolean {
  return [parametersHash, batch, ...Object.values(heads)].every((found) => 'proven' in found)
}

function unlessCancelled(error: unknown): null {
  if (asOpenChatError(error).code === 'cancelled') throw error
  return null
}

/** Who signed; a signature that cannot be read is an error, not a stranger. */
export async function fetchSigner(digest: Hex, signature: Hex): Promise<{ address: Hex } | { error: ErrorWire }> {
  try {
    return { address: await recoverSigner(digest, signature) }
  } catch (error) {
    return { error: toWire(error) }
  }
}
