// Porter's suffix stripper for English: "nations" and "national" meet, so a question finds what it means in other forms.
// Not a dictionary: stems are keys, never shown. Words of other scripts pass unchanged.
// Invariant: a pure function of the lower-case word.
// Source: M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.

const isConsonant = (word: string, i: number): boolean => {
  const letter = word[i]
  if ('aeiou'.includes(letter)) return false
  return letter !== 'y' || i === 0 || !isConsonant(word, i - 1)
}

/** Number of vowel-consonant sequences: the paper's m. */
function measure(stem: string): number {
  let count = 0
  for (let i = 1; i < stem.length; i++) if (isConsonant(stem, i) && !isConsonant(stem, i - 1)) count++
  return count
}

const hasVowel = (stem: string): boolean => [...stem].some((_, i) => !isConsonant(stem, i))
const endsDouble = (word: string): boolean => word.length > 1 && word.at(-1) === word.at(-2) && isConsonant(word, word.length - 1)
/** Ends consonant-vowel-consonant, the last not w, x or y: the paper's *o. */
const endsShort = (word: string): boolean => {
  const n = word.length
  return n > 2 && isConsonant(word, n - 1) && !isConsonant(word, n - 2) && isConsonant(word, n - 3) && !'wxy'.includes(word[n - 1])
}

/** Step 2 and step 3 of the paper: a suffix and what replaces it when the rest has m > 0; the first that fits decides. */
const STEP2 = pairs(
  'ational ate,tional tion,enci ence,anci ance,izer ize,abli able,alli al,entli ent,eli e,ousli ous,ization ize,ation ate,ator ate,' +
    'alism al,iveness ive,fulness ful,ousness ous,aliti al,iviti ive,biliti ble',
)
const STEP3 = pairs('icate ic,ative ,alize al,iciti ic,ical ic,ful ,ness ')
/** Step 4: dropped when the rest has m > 1. */
const STEP4 = 'ement,ance,ence,able,ible,ment,ant,ent,ion,ism,ate,iti,ous,ive,ize,al,er,ic,ou'.split(',')

function pairs(list: string): [string, string][] {
  return list.split(',').map((pair) => pair.split(' ') as [string, string])
}

function replaceSuffix(word: string, rules: [string, string][]): string {
  for (const [suffix, by] of rules) {
    if (!word.endsWith(suffix)) continue
    const stem = word.slice(0, -suffix.length)
    return measure(stem) > 0 ? stem + by : word
  }
  return word
}

function plural(word: string): string {
  if (word.endsWith('sses') || word.endsWith('ies')) return word.slice(0, -2)
  return word.endsWith('s') && !word.endsWith('ss') ? word.slice(0, -1) : word
}

function pastAndGerund(word: string): string {
  if (word.endsWith('eed')) return measure(word.slice(0, -3)) > 0 ? word.slice(0, -1) : word
  const suffix = word.endsWith('ed') ? 'ed' : word.endsWith('ing') ? 'ing' : ''
  const stem = word.slice(0, word.length - suffix.length)
  if (suffix === '' || !hasVowel(stem)) return word
  if (/(at|bl|iz)$/.test(stem)) return `${stem}e`
  if (endsDouble(stem) && !'lsz'.includes(stem.at(-1) ?? '')) return stem.slice(0, -1)
  return measure(stem) === 1 && endsShort(stem) ? `${stem}e` : stem
}

function dropSuffix(word: string): string {
  for (const suffix of STEP4) {
    if (!word.endsWith(suffix)) continue
    const stem = word.slice(0, -suffix.length)
    if (measure(stem) < 2 || (suffix === 'ion' && !/[st]$/.test(stem))) return word
    return stem
  }
  return word
}

function tidy(word: string): string {
  let out = word
  if (out.endsWith('e')) {
    const stem = out.slice(0, -1)
    if (measure(stem) > 1 || (measure(stem) === 1 && !endsShort(stem))) out = stem
  }
  return endsDouble(out) && out.endsWith('l') && measure(out.slice(0, -1)) > 1 ? out.slice(0, -1) : out
}

/** The stem of a lower-case word; two letters or fewer, and anything not a–z, come back as they are. */
export function stem(word: string): string {
  if (word.length <= 2 || !/^[a-z]+$/.test(word)) return word
  let out = pastAndGerund(plural(word))
  if (out.endsWith('y') && hasVowel(out.slice(0, -1))) out = `${out.slice(0, -1)}i`
  return tidy(dropSuffix(replaceSuffix(replaceSuffix(out, STEP2), STEP3)))
}
