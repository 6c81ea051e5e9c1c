// Who gets how much of one fee: the shares a receipt commits to, and the lines a batch pays by. Not how amounts arise
// (credit.ts).
// Invariants: shares are sorted by account, one per account, every amount positive, and their last running sum is the fee,
// so one leaf shows that nothing is missing; lines are sorted by (account, receipt) and their running total restarts at
// each account, so two neighbours show any tampering (chain.md "Lines, not sums").
import { concatBytes } from '@noble/hashes/utils.js'
import { OpenChatError } from '../errors.ts'
import { type MerkleTree, merkleRoot, merkleTree } from './merkle.ts'
import type { Hex, Share } from './types.ts'
import { addressWord, hashWord, uintWord } from './words.ts'

/** abi.encode(address account, uint256 amount, uint256 cumulative), 96 bytes. */
export function shareLeaf(account: Hex, amount: bigint, cumulative: bigint): Uint8Array {
  return concatBytes(addressWord(account), uintWord(amount), uintWord(cumulative))
}

/** Payments added up per account and sorted by it; accounts with nothing are left out. Addresses come out lower-case. */
export function aggregateShares(payments: Iterable<Share>): Share[] {
  const sums = new Map<Hex, bigint>()
  for (const { account, amount } of payments) {
    const key = account.toLowerCase() as Hex
    sums.set(key, (sums.get(key) ?? 0n) + amount)
  }
  return [...sums]
    .filter(([, amount]) => amount > 0n)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([account, amount]) => ({ account, amount }))
}

/** The leaves of a shares tree. @throws `shares_invalid` when unsorted, doubled, not positive, or not summing to `fee`. */
function shareLeaves(shares: readonly Share[], fee: bigint): Uint8Array[] {
  let cumulative = 0n
  const leaves = shares.map(({ account, amount }, i) => {
    if (amount <= 0n || (i > 0 && shares[i - 1].account.toLowerCase() >= account.toLowerCase())) {
      throw new OpenChatError('shares_invalid', `Share ${i} (${account}, ${amount} wei) is out of order, doubled or not positive.`)
    }
    cumulative += amount
    return shareLeaf(account, amount, cumulative)
  })
  if (cumulative !== fee) throw new OpenChatError('shares_invalid', `The shares sum to ${cumulative} wei, expected the fee of ${fee} wei.`)
  return leaves
}

export const sharesRoot = (shares: readonly Share[], fee: bigint): Hex => merkleRoot(shareLeaves(shares, fee))

/** One payment of a batch. */
export interface Line {
  account: Hex
  receiptId: Hex
  /** wei */
  amount: bigint
  /** Σ amounts of this account up to and including this line. */
  runningTotal: bigint
}

/** abi.encode(address account, bytes32 receiptId, uint256 amount, uint256 runningTotal), 128 bytes. */
export function lineLeaf(line: Line): Uint8Array {
  return concatBytes(addressWord(line.account), hashWord(line.receiptId), uintWord(line.amount), uintWord(line.runningTotal))
}

/** All lines of a batch of receipts, sorted by (account, receiptId), with running totals. */
export function batchLines(receipts: readonly { id: Hex; shares: readonly Share[] }[]): Line[] {
  const lines: Line[] = receipts.flatMap(({ id, shares }) =>
    shares.map(({ account, amount }) => ({
      account: account.toLowerCase() as Hex,
      receiptId: id.toLowerCase() as Hex,
      amount,
      runningTotal: 0n,
    })),
  )
  const key = (line: Line) => line.account + line.receiptId
  lines.sort((a, b) => (key(a) < key(b) ? -1 : 1))
  lines.forEach((line, i) => {
    const previous = lines[i - 1]
    line.runningTotal = line.amount + (previous?.account === line.account ? previous.runningTotal : 0n)
  })
  return lines
}

/** The tree of a batch: its root and count are posted, its proofs pay. */
export const linesTree = (lines: readonly Line[]): MerkleTree => merkleTree(lines.map(lineLeaf))
