// Amounts as people type them → wei, exactly. The other way is format.ts, which cuts for show.
const WEI_DIGITS = 18

/** "0.25" or "0,25" → wei; null for what is no positive amount of at most 18 decimals. */
export function weiOf(typed: string): bigint | null {
  const parts = /^\s*(\d{0,12})(?:[.,](\d{0,18}))?\s*$/.exec(typed)
  const [whole = '', fraction = ''] = parts?.slice(1) ?? []
  if (parts === null || whole + fraction === '') return null
  const wei = BigInt(whole === '' ? '0' : whole) * 10n ** BigInt(WEI_DIGITS) + BigInt(fraction.padEnd(WEI_DIGITS, '0'))
  return wei > 0n ? wei : null
}
