// What a contribution is expected to stake, a plain rule: the contract of today keeps no stakes yet (chain.md gives it that
// task), and whoever shows this number says so.
// Rule: 10⁻⁶ OPEN a token, so that a thousand tokens stake one answer's default fee; at least that fee.

const WEI_PER_TOKEN = 10n ** 12n
const LEAST_WEI = 10n ** 15n

/** wei for a document of so many tokens. */
export function expectedStake(tokens: number): bigint {
  const wei = BigInt(tokens) * WEI_PER_TOKEN
  return wei < LEAST_WEI ? LEAST_WEI : wei
}
