// What a curator decides and what an author takes back, as transactions: access, the queue, withdrawals. Not contributing
// (contribute.ts), and nothing is read for show: each verb only gathers from the proven history what the contract asks for.
// Invariant: what the contract would refuse by a known rule is said as a sentence, with a code of its own.
// Source: contracts/Datanets.sol, contracts/DatanetRegistry.sol.
import type { Abi } from 'viem'
import type { Hex } from '../attribution/types.ts'
import { OpenChatError } from '../errors.ts'
import { datanetsAbi } from './contracts.generated.ts'
import { REFUSAL_REASONS, type RefusalReason, type Submission } from './datanet-journal.ts'
import type { DatanetReader } from './datanets.ts'
import type { Transactions } from './transactions.ts'

export interface Curation {
  /** Asks the curator for access. @throws `access_settled`, `transaction_failed` … */
  askAccess(datanet: bigint, note: string): Promise<void>
  /** Grants, or refuses what was asked, or revokes what was granted. @throws `not_curator`, `access_settled` */
  setAccess(datanet: bigint, account: Hex, allowed: boolean, reason: string): Promise<void>
  describe(datanet: bigint, description: string): Promise<void>
  /** Takes a submission into the datanet. @throws `not_curator`, `submission_settled` */
  accept(datanet: bigint, submission: number): Promise<void>
  refuse(datanet: bigint, submission: number, reason: RefusalReason, sentence: string): Promise<void>
  /** The author takes back what still waits. */
  retract(datanet: bigint, submission: number): Promise<void>
  /** The author asks that no new answer retrieve a contribution. @throws `not_author`, `already_withdrawn` */
  withdraw(datanet: bigint, contribution: number): Promise<void>
}

export interface CurationPorts {
  /** The `Datanets` contract. */
  address: Hex
  datanets: Pick<DatanetReader, 'one'>
  transactions: Transactions
  /** Sees to it that the account has coin for gas. */
  fund(): Promise<void>
}

export function createCuration({ address, datanets, transactions, fund }: CurationPorts): Curation {
  async function send(functionName: string, args: readonly unknown[]): Promise<void> {
    await fund()
    await transactions.send({ address, abi: datanetsAbi as Abi, functionName, args }).catch((error: unknown) => {
      throw explained(error)
    })
  }

  async function waiting(datanet: bigint, number: number) {
    const held = (await datanets.one(datanet)).value.submissions[number]
    if (held === undefined || held.verdict !== 'waiting') throw settled(held?.verdict)
    return calldata(held)
  }

  return {
    askAccess: (datanet, note) => send('askAccess', [datanet, note]),
    setAccess: (datanet, account, allowed, reason) => send('setAccess', [datanet, account, allowed, reason]),
    describe: (datanet, description) => send('describe', [datanet, description]),
    accept: async (datanet, number) => send('accept', [datanet, BigInt(number), await waiting(datanet, number)]),
    refuse: async (datanet, number, reason, sentence) =>
      send('refuse', [datanet, BigInt(number), await waiting(datanet, number), REFUSAL_REASONS.indexOf(reason), sentence]),
    retract: async (datanet, number) => send('retract', [datanet, BigInt(number), await waiting(datanet, number)]),
    async withdraw(datanet, contribution) {
      const held = (await datanets.one(datanet)).value.contributions[contribution]
      if (held === undefined) throw refusals.NotAuthor()
      const { root, documents, licence, daCommitmentHash } = held
      const fields = { root, documents, licence, daCommitmentHash, tokens: BigInt(held.tokens), order: BigInt(held.order) }
      await send('withdraw', [datanet, { index: BigInt(contribution), ...fields }])
    },
  }
}

const calldata = ({ author, order, root, documents, tokens, licence, daCommitment }: Submission) => ({
  author,
  order: BigInt(order),
  documents: { root, documents, tokens: BigInt(tokens), licence, daCommitment },
})

/** By the contract's own errors. */
const refusals = {
  NotMember: () =>
    new OpenChatError('not_member', 'This datanet takes contributions from those its curator has let in, and you are not one of them.', {
      action: 'Ask the curator for access on the datanet’s page.',
    }),
  NotCurator: () =>
    new OpenChatError('not_curator', 'Only the curator of this datanet may do that.', {
      action: 'Ask its curator, or make a datanet of your own.',
    }),
  NotWaiting: () => settled(undefined),
  NotAuthor: () =>
    new OpenChatError('not_author', 'Only the account that contributed a text may take it back.', {
      action: 'Open the page with the key that contributed it.',
    }),
  AlreadyWithdrawn: () =>
    new OpenChatError('already_withdrawn', 'This contribution is withdrawn already.', { action: 'Reload the datanet.' }),
  AccessSettled: () =>
    new OpenChatError('access_settled', 'There is nothing to ask for: access was asked, granted or revoked before, or everyone has it.', {
      action: 'Reload the datanet to see where you stand.',
    }),
  AccessNotAsked: () =>
    new OpenChatError('access_settled', 'This account has not asked, or has its answer already.', { action: 'Reload the datanet.' }),
}

function settled(verdict: string | undefined): OpenChatError {
  return new OpenChatError('submission_settled', `This submission no longer waits${verdict === undefined ? '' : `: it was ${verdict}`}.`, {
    action: 'Reload the queue.',
  })
}

/** A revert for a rule that is known here, as its sentence; anything else as it came. */
export function explained(thrown: unknown): unknown {
  if (!(thrown instanceof OpenChatError) || thrown.code !== 'transaction_reverted') return thrown
  const reason = String(thrown.meta.reason)
  return reason in refusals ? refusals[reason as keyof typeof refusals]() : thrown
}

export const notMember = refusals.NotMember
