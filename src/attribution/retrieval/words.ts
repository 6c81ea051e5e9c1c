// Words of a text as search terms, and the words that say nothing about a topic. Not the index's tokeniser: positions here
// are UTF-16, and terms are stems.
// Invariant: `termOf` of equal words is equal whatever their case, accents or possessive.
import { stem } from './stem.ts'

/** Letters and digits (an apostrophe may stand inside, or the hyphen of EIP-712); scripts without spaces come out as runs, which still match themselves. */
const WORD = /\p{Lu}{2,}-\d{3,}|[\p{L}\p{M}\p{N}]+(?:['’]\p{L}+)*/gu
/** The parts of an identifier: transferOwnership, ERC20Permit. */
const PARTS = /\p{Lu}+\d+|\p{Lu}?\p{Ll}{2,}\d*|\p{Lu}+(?!\p{Ll})/gu
const IDENTIFIER = /[\p{Ll}\d]\p{Lu}/u

export interface Word {
  text: string
  from: number
  to: number
}

export function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(WORD), (match) => ({ text: match[0], from: match.index, to: match.index + match[0].length }))
}

/** The same words without their places: what an index of millions needs. */
export const wordTextsOf = (text: string): string[] => text.match(WORD) ?? []

const known = new Map<string, string>()
const KNOWN_LIMIT = 200_000

/** The search term of a word: lower case, without accents, possessive or, identifiers aside, inflection. */
export function termOf(word: string): string {
  const before = known.get(word)
  if (before !== undefined) return before
  const plain = word
    .toLowerCase()
    .normalize('NFD')
    .replace(/\p{M}+/gu, '')
    .replace(/['’](s|d|m|t|re|ve|ll)$/u, '')
    .replace(/['’-]/gu, '')
  // An identifier is a name: AccessManager is not AccessManaged.
  const term = IDENTIFIER.test(word) ? plain : stem(plain)
  // Bounded, because a contributed text may hold any number of different words.
  if (known.size >= KNOWN_LIMIT) known.clear()
  known.set(word, term)
  return term
}

const parts = new Map<string, readonly string[]>()
const NONE: readonly string[] = []

/** The terms of an identifier's parts ("transferOwnership": transfer, ownership); none for a word that is no identifier. */
export function partTermsOf(word: string): readonly string[] {
  if (!IDENTIFIER.test(word)) return NONE
  const before = parts.get(word)
  if (before !== undefined) return before
  const found = word.match(PARTS) ?? []
  const terms = found.length < 2 ? NONE : found.map(termOf)
  if (parts.size >= KNOWN_LIMIT) parts.clear()
  parts.set(word, terms)
  return terms
}

/** Search terms of a text in order: every word's, and after it those of its parts. */
export const searchTermsOf = (text: string): string[] => wordTextsOf(text).flatMap((word) => [termOf(word), ...partTermsOf(word)])

/** Function words, and the words with which people ask rather than those they ask about. */
const SILENT = new Set(
  `a able about above according across actually after again against ago all almost along already also although always am among an and
  another any anybody anyone anything are aren around as ask at away be became because become been before being below between both but by
  came can cannot cant come comes could couldn describe described did didn differ do does doesn doing don done down during each either
  else enough etc even ever every everyone everything exactly explain far few find first for from further gave get gets getting give given
  gives go goes going gone got had has hasn have haven having he her here hers herself him himself his how however i if im in instead into is isn it its
  itself just keep kind know known last least less let lets like likely lot made make makes making many may maybe me mean means mention
  mentioned might more most mostly much must my myself need needs neither never next no nobody none nor not nothing now of off often oh ok on
  once one only onto opinion or other others ought our ours ourselves out over own part particular people per perhaps please put quite quote
  quotes rather really regard regarding said same saw say saying says see seem seems seen shall she should shouldn show since so some somebody
  someone something sometimes soon speak speaks spoke spoken still such sure take taken talk talked tell than thank thanks that the their
  theirs them themselves then there these they thing things think this those though thought through thus till to together told too took
  toward towards try two under until up upon us use used using very view viewed views want wanted wants was wasn way ways we well went were
  weren what whatever when whenever where whether which while who whole whom whose why will with within without won word words would wouldn
  yes yet you your yours yourself speech speeches address addresses today tomorrow yesterday happen happens happened happening discuss discussed become becoming turn turned step steps done president presidents source sources record records passage`.split(
    /\s+/,
  ),
)

/** True for words that carry no topic. Takes the word as written. */
export const isSilent = (word: string): boolean => {
  const lower = word.toLowerCase().replace(/’/gu, "'")
  return SILENT.has(lower) || SILENT.has(lower.replace(/'.*$/u, '')) || /^(?:[a-z]|\d{1,2})$/u.test(lower)
}

/** Marks that prose seldom has and code is full of. */
const MARKS = /[{}()[\];=<>&|_*/\\]/gu

/** Whether a text reads as sentences rather than as code: fewer than one such mark in sixteen characters, and it begins with a word. */
export const isProse = (text: string): boolean => !/^[{}/*]/u.test(text) && (text.match(MARKS)?.length ?? 0) * 16 < text.length
