// What a question asks for: its topic terms, neighbouring pairs of them, and the authors and years it names. Not an
// understanding of it: words and entries of the documents decide everything.
// Invariant: deterministic; terms are distinct and in the order of the question.
import type { DocumentEntry } from '../types.ts'
import type { Range } from './chunks.ts'
import type { NamedDocuments, TitleNames } from './titles.ts'
import { isSilent, partTermsOf, termOf, wordsOf } from './words.ts'

/** The kind of question, by its words; evidence for the gate, no verdict. */
export interface QuestionForm {
  /** Asks for work (write, translate, compute …) rather than for what somebody said. */
  isTask: boolean
  /** Asks for a fact of general knowledge by its form: how far, how many … are there, who wrote, what is the capital of. */
  isLookup: boolean
  /** Asks what somebody said, thought or described. */
  isReport: boolean
  /** Asks what was (did, was, were, had) or what ought to be (should, must). */
  isPast: boolean
  isNormative: boolean
  /** Asks how one does something, or how a thing works: how do, how does, how can I. */
  isHowTo: boolean
  /** Speaks of the asker or to the assistant: I, my, your, are you. */
  isPersonal: boolean
  /** Speaks to the assistant: your, do you. */
  isAddressed: boolean
}

export interface Question extends QuestionForm {
  /** Stems of topic words. */
  terms: string[]
  /** Neighbouring topic words, as stems: "health care", "public lands". */
  pairs: [string, string][]
  /** Those of the terms that are written as identifiers: sendValue, ERC20Permit. */
  identifiers: string[]
  /** `author` values of the entries that the question names. */
  authors: Set<string>
  years: Set<number>
  /** Documents that it names by their titles. */
  titles: NamedDocuments
}

/** Words that an organisation's name holds and a person's does not: nobody is asked for by "Foundation". */
const ORGANISATION =
  /\b(?:foundation|project|consortium|group|corporation|commission|commons|institute|university|authors|regents|international|microsystems|inc|office|organi[sz]ation|openzeppelin|team|club|member)\b|[/\d:]/iu

/** Names by which an author is asked for: the last word of the name, or the initials of three words and more ("FDR"). */
interface AuthorNames {
  author: string
  surname: string
  full: string
  initials: string
}

export function authorNames(entries: Iterable<DocumentEntry>): AuthorNames[] {
  const out = new Map<string, AuthorNames>()
  for (const { author } of entries) {
    if (out.has(author)) continue
    const words = wordsOf(author).map(({ text }) => text)
    if (words.length === 0) continue
    if (ORGANISATION.test(author)) {
      // Only by what is its own, in full: "Creative Commons", "World Wide Web".
      const own = words.filter(
        (word) => !/^(?:the|of)$/iu.test(word) && !/^(?:foundation|corporation|consortium|project|inc)$/iu.test(word),
      )
      const full = own.join(' ').toLowerCase()
      if (own.length > 1 && !/^(?:authors|openzeppelin)\b/u.test(full)) out.set(author, { author, surname: full, full, initials: '' })
      continue
    }
    // "Mc Kinley" is one surname, and so is "Van Buren".
    const particle = words.length > 2 && /^(mc|van|von|de|la|le|di|da)$/i.test(words[words.length - 2])
    const surname = particle ? words.slice(-2).join(' ') : words[words.length - 1]
    out.set(author, {
      author,
      surname: surname.toLowerCase(),
      full: words.join(' ').toLowerCase(),
      initials: words.length > 2 ? words.map((word) => word[0]).join('') : '',
    })
  }
  return [...out.values()]
}

const TASK =
  /^(?:(?:please|can you|could you|would you|will you|i (?:want|need|would like) you to|help me(?: to)?)\s+)*(?:write|compose|draft|translate|solve|calculate|compute|convert|generate|code|program|implement|debug|fix|refactor|rewrite|rephrase|proofread|spell|rhyme|sing|draw|plan|suggest|recommend|invent|pretend|roleplay|play|book|order|schedule|remind|set|open|summari[sz]e this|make (?:me|up)|tell me a (?:joke|story)|simplify|factor|(?:what(?:'s| is) )?-?[\d.]+\s*(?:[-+*/^%×÷]|plus|minus|times|divided|squared|percent|per cent)|what(?:'s| is) \d+|[\d\s+*/().=x^-]+$)\b/iu
const LOOKUP =
  /^(?:how (?:far|tall|old|deep|hot|fast|heavy|high|wide|big|long (?:is|are|does|do)|many .* (?:are there|does|do|in an?)\b)|when (?:did|was|were|are)|who(?:'s| is| was)? (?:holds|built|composed|the (?:king|queen|ruler|author) of|wrote|painted|invented|discovered|won|plays|played|sang|sings|directed|the best)|what (?:time|colou?r|year|currency|language|chords?|temperature)\b|(?:what|which)(?:'s| is| are| was)? (?:the|a|an) (?:capital|population|currency|largest|smallest|tallest|biggest|longest|highest|fastest|best|cheapest|easiest|plural|opposite|synonym|definition|formula|chemical|boiling|speed|plot|weather|difference|meaning|rules?)\b|which \w+ (?:has|is|came|should)|what does \S+ stand for|is it (?!right|just|wise|necessary))/iu
/** "Tell me", "give me" and "can you" are manners, not persons. */
const PERSONAL =
  /(?<!\b(?:tell|give|show) )\b(?:i|i'm|i've|my|me|mine|myself|your)\b|^(?:hi|hey|hello|good (?:morning|evening))\b|\b(?:are|do|have|were|did) you\b/iu
const ADDRESSED =
  /\byour\b|\b(?:are|do|have|were|did|would) you\b|\byou(?:'re| are| were)\b|\bcan you (?!tell|give|show|explain|say|find|quote|describe|list)|^(?:hi|hey|hello|thanks|thank you|bye|ok|okay|lol|wow|let's|good (?:morning|evening|night|afternoon|day))\b/iu
const YEAR = /\b(1[6-9]\d\d|20\d\d)(s?)\b/gu

const REPORT =
  /\b(?:sa(?:y|ys|id)|sp(?:eak|oke|oken)|speech(?:es)?|talk(?:ed)? (?:about|of)|describe[ds]?|mention(?:ed)?|quotes?|explain(?:ed)|defend(?:ed)?|propos(?:e|ed)|promise[ds]?|argue[ds]?|arguments?|justif(?:y|ied)|views?|position|record|presidents?|think of|the case for|reasons?)\b/iu
const PAST = /\b(?:did|was|were|had|became|happened)\b/iu
const NORMATIVE = /\b(?:should|must|ought|need(?:s|ed)? to be|shall)\b(?! i\b)/iu
const HOW_TO = /^how (?:do|does|can|could|should|would)\b(?! (?:we|the (?:government|country|nation|state)))/iu

/** Before a surname, these make it a person even in lower case. */
const PERSON_BEFORE = /(?:president|mr|did|does|do|by|was|has|had|would|according to|for|to|what)\.?\s+$/iu

/** Whether `name` stands in the question as a person: capitalised or introduced, and not the start of a longer proper name. */
function namesPerson(question: string, name: string): Range | undefined {
  const pattern = new RegExp(`(?<![\\p{L}\\p{N}])${name.replace(/\s+/gu, '\\s*')}(?:['’]s)?(?![\\p{L}\\p{N}])`, 'giu')
  for (const match of question.matchAll(pattern)) {
    const capital = /\p{Lu}/u.test(match[0][0])
    const after = question.slice(match.index + match[0].length)
    // "Monroe Doctrine", "Washington Monument", "Lincoln Memorial": things, not speakers; "Madison's Congress" is a speaker.
    const thing = !/['’]s$/u.test(match[0]) && /^\s+(?:\p{Lu}\p{L}|doctrine|memorial|monument|d\.?c\b)/u.test(after)
    if (!thing && (capital || PERSON_BEFORE.test(question.slice(0, match.index)))) {
      return { from: match.index, to: match.index + match[0].length }
    }
  }
  return undefined
}

/** What a datanet's entries and texts say of the words of a question. */
export interface Known {
  names: readonly AuthorNames[]
  years: ReadonlySet<number>
  titles: Pick<TitleNames, 'find'>
}

export function readQuestion(question: string, { names, years, titles }: Known): Question {
  const text = question.normalize('NFC')
  const taken: Range[] = []
  const authors = new Set<string>()
  const full = names.filter((name) => name.full !== name.surname && namesPerson(text, name.full) !== undefined)
  for (const name of full.length > 0 ? full : names) {
    const range = namesPerson(text, full.length > 0 ? name.full : name.surname) ?? initialsIn(text, name.initials)
    if (range === undefined) continue
    authors.add(name.author)
    taken.push(range)
  }
  const asked = new Set<number>()
  for (const match of text.matchAll(YEAR)) {
    const first = Number(match[1])
    const range = { from: match.index, to: match.index + match[0].length }
    const wanted = match[2] === 's' ? Array.from({ length: 10 }, (_, i) => first + i) : [first]
    const present = wanted.filter((year) => years.has(year))
    for (const year of present) asked.add(year)
    if (present.length > 0) taken.push(range)
  }
  const named = titles.find(text)
  taken.push(...named.taken)
  const words = wordsOf(text).filter(({ from, to }) => !taken.some((range) => from < range.to && to > range.from))
  const terms: string[] = []
  const identifiers: string[] = []
  const pairs: [string, string][] = []
  let before: { term: string; to: number } | undefined
  for (const word of words) {
    if (isSilent(word.text)) continue
    const term = termOf(word.text)
    if (before !== undefined && /^[\s-]+$/u.test(text.slice(before.to, word.from)) && before.term !== term) pairs.push([before.term, term])
    before = { term, to: word.to }
    if (terms.includes(term)) continue
    terms.push(term)
    if (partTermsOf(word.text).length > 0) identifiers.push(term)
  }
  return { terms, pairs, identifiers, authors, years: asked, titles: named, ...formOf(text) }
}

/** What the wording alone shows. */
function formOf(text: string): QuestionForm {
  const trimmed = text.trim()
  return {
    isTask: TASK.test(trimmed),
    isLookup: LOOKUP.test(trimmed),
    isReport: REPORT.test(trimmed),
    isPast: PAST.test(trimmed),
    isNormative: NORMATIVE.test(trimmed),
    isHowTo: HOW_TO.test(trimmed),
    isPersonal: PERSONAL.test(trimmed),
    isAddressed: ADDRESSED.test(trimmed),
  }
}

function initialsIn(text: string, initials: string): Range | undefined {
  if (initials === '') return undefined
  const at = text.search(new RegExp(`\\b${initials}\\b`, 'u'))
  return at < 0 ? undefined : { from: at, to: at + initials.length }
}
