// Everything personal or secret in a text, by every detector, as one list: in order, none overlapping another.
// It is a help and no promise: names of people are not looked for, and what no rule describes is not found
// (`npm run bench:intake` prints what is found and what is not, on texts of our own).
import type { PiiKind } from '../intake-types.ts'
import { cards, ibans } from './accounts.ts'
import { emails, phones } from './contact.ts'
import type { Detector, Finding } from './finding.ts'
import { birthDates, homes } from './home.ts'
import { nationalIds } from './national-ids.ts'
import { addresses, secretLinks } from './network.ts'
import { apiKeys, privateKeys } from './secrets.ts'
import { seedPhrases } from './seed-phrase.ts'

/** What stands in a finding's place. */
export const MASKS: Record<PiiKind, string> = {
  email: '[EMAIL]',
  phone: '[PHONE]',
  iban: '[IBAN]',
  card: '[CARD]',
  ip: '[IP]',
  national_id: '[ID NUMBER]',
  address: '[ADDRESS]',
  birth_date: '[BIRTH DATE]',
  url_credentials: '[LINK WITH SECRET]',
  api_key: '[SECRET]',
  private_key: '[PRIVATE KEY]',
  seed_phrase: '[RECOVERY PHRASE]',
}

/** @param seedWords the BIP-39 list; without it recovery phrases are not looked for */
export function piiFinder(seedWords: readonly string[]): Detector {
  // Where two overlap the first of this order stands: what is more precise, or what would do more harm.
  const detectors: Detector[] = [
    privateKeys,
    ...(seedWords.length > 0 ? [seedPhrases(seedWords)] : []),
    secretLinks,
    apiKeys,
    emails,
    ibans,
    cards,
    nationalIds,
    addresses,
    homes,
    birthDates,
    phones,
  ]
  return (text) => {
    const all = detectors.flatMap((detect, rank) => detect(text).map((finding) => ({ finding, rank })))
    all.sort((a, b) => a.rank - b.rank || a.finding.from - b.finding.from || b.finding.to - a.finding.to)
    const taken: Finding[] = []
    for (const { finding } of all) insert(taken, finding)
    return taken
  }
}

/** Puts a finding into its place in the ordered list, unless it overlaps one that is there. */
function insert(taken: Finding[], finding: Finding): void {
  let low = 0
  let high = taken.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (taken[middle].from < finding.from) low = middle + 1
    else high = middle
  }
  const before = taken[low - 1]
  const after = taken[low]
  if ((before === undefined || before.to <= finding.from) && (after === undefined || finding.to <= after.from))
    taken.splice(low, 0, finding)
}
