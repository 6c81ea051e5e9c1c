// Numbers that a state gave to a person: twenty kinds, each by its form, its check digits where there are any, and where the
// form alone says too little, by the words before it. Not every state's, and no company or tax number of companies.
// Sources: named in check-digits.ts; SSA for the ranges that were never given out; HMRC for the prefixes of NI numbers.
import {
  bsnHolds,
  codiceFiscaleHolds,
  cpfHolds,
  dniLetter,
  ean13Holds,
  fodselsnummerHolds,
  hetuCharacter,
  luhn,
  peselHolds,
  remainder,
  residentIdHolds,
  steuerIdHolds,
  verhoeff,
} from './check-digits.ts'
import { type Detector, digitsOf, type Finding, precededBy } from './finding.ts'

interface NationalId {
  /** Global; it must not begin or end inside a word. */
  form: RegExp
  holds?(match: string): boolean
  /** Words that must stand before it. */
  after?: RegExp
}

const dayOf = (mmdd: string): boolean => /^(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])$/.test(mmdd)

const SSN = String.raw`(?!000|666|9\d\d)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}`
const NATIONAL_IDS: NationalId[] = [
  // United States: with hyphens it is one unless it is called something else; with blanks only where it is named.
  { form: new RegExp(String.raw`(?<![\w-])${SSN}(?![\w-])`, 'g'), holds: (match) => match.includes('-') },
  { form: new RegExp(String.raw`(?<![\w-])${SSN}(?![\w-])`, 'g'), after: /\bssn\b|social security|taxpayer/i },
  // United Kingdom: National Insurance.
  {
    form: /(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)/g,
  },
  // Spain: DNI and NIE.
  {
    form: /(?<!\w)\d{8}-?[A-Z](?!\w)/g,
    holds: (id) => dniLetter(Number(id.slice(0, 8))) === id.at(-1),
    after: /\b(?:dni|nif|identidad)\b/i,
  },
  {
    form: /(?<!\w)[XYZ]-?\d{7}-?[A-Z](?!\w)/g,
    holds: (id) => dniLetter(Number('XYZ'.indexOf(id[0]) + digitsOf(id))) === id.at(-1),
  },
  // France: sécurité sociale, Corsica's letters included.
  {
    form: /(?<!\w)[12] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?\d[\dAB] ?\d{3} ?\d{3} ?\d{2}(?!\w)/g,
    holds(match) {
      const plain = match.replaceAll(' ', '').replace(/A/, '0').replace(/B/, '0')
      const shift = match.includes('A') ? 1_000_000 : match.includes('B') ? 2_000_000 : 0
      return 97 - ((remainder(plain.slice(0, 13), 97) + 97 - (shift % 97)) % 97) === Number(plain.slice(13))
    },
  },
  // Italy.
  { form: /(?<!\w)[A-Z]{6}\d{2}[A-EHLMPRST]\d{2}[A-Z]\d{3}[A-Z](?!\w)/g, holds: codiceFiscaleHolds },
  // Netherlands.
  {
    form: /(?<!\w)\d{4}\.?\d{2}\.?\d{3}(?!\w)/g,
    holds: (id) => bsnHolds(digitsOf(id)),
    after: /\b(?:bsn|burgerservicenummer|sofinummer)\b/i,
  },
  // Poland, Norway, Germany, Belgium.
  { form: /(?<!\w)\d{11}(?!\w)/g, holds: peselHolds, after: /\bpesel\b/i },
  { form: /(?<!\w)\d{6} ?\d{5}(?!\w)/g, holds: (id) => fodselsnummerHolds(digitsOf(id)), after: /fødselsnummer|personnummer|\bfnr\b/i },
  {
    form: /(?<!\w)\d{2} ?\d{3} ?\d{3} ?\d{3}(?!\w)/g,
    holds: (id) => steuerIdHolds(digitsOf(id)),
    after: /steuer|identifikationsnummer|\bidnr\b|\btin\b/i,
  },
  {
    form: /(?<!\w)\d{2}\.\d{2}\.\d{2}-\d{3}\.\d{2}(?!\w)/g,
    holds(id) {
      const digits = digitsOf(id)
      const check = Number(digits.slice(9))
      return 97 - remainder(digits.slice(0, 9), 97) === check || 97 - remainder(`2${digits.slice(0, 9)}`, 97) === check
    },
  },
  // Sweden, Denmark, Finland.
  {
    form: /(?<![\w-])(?:19|20)?\d{6}[-+]\d{4}(?![\w-])/g,
    holds: (id) => luhn(digitsOf(id).slice(-10)) && dayOf(digitsOf(id).slice(-8, -4)),
  },
  { form: /(?<!\w)\d{6}-?\d{4}(?!\w)/g, after: /\bcpr\b/i },
  {
    form: /(?<!\w)\d{6}[-+A-FU-Y]\d{3}[0-9A-Y](?!\w)/g,
    holds: (id) => hetuCharacter(id.slice(0, 6) + id.slice(7, 10)) === id[10] && dayOf(id.slice(2, 4) + id.slice(0, 2)),
  },
  // Brazil, China, Switzerland, India, Canada.
  { form: /(?<!\w)\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)/g, holds: (id) => cpfHolds(digitsOf(id)) },
  { form: /(?<!\w)\d{17}[\dX](?!\w)/g, holds: (id) => residentIdHolds(id) && dayOf(id.slice(10, 14)) },
  { form: /(?<!\w)756\.?\d{4}\.?\d{4}\.?\d{2}(?!\w)/g, holds: (id) => ean13Holds(digitsOf(id)) },
  { form: /(?<!\w)[2-9]\d{3} ?\d{4} ?\d{4}(?!\w)/g, holds: (id) => verhoeff(digitsOf(id)), after: /aadhaa?r|uidai|आधार/i },
  { form: /(?<!\w)\d{3}[ -]?\d{3}[ -]?\d{3}(?!\w)/g, holds: (id) => luhn(digitsOf(id)), after: /\bSIN\b|social insurance/i },
  // Passports have no common form; the word decides.
  {
    form: /(?<!\w)[A-Z0-9]{6,9}(?!\w)/g,
    holds: (id) => digitsOf(id).length >= 4,
    after:
      /\b(?:passport|reisepass|passeport|pasaporte|passaporto|paspoort)(?:\s*(?:no|number|nr|nummer|num|#|numéro|número|n°))?[\s.:#]{1,4}$/i,
  },
]
/** What is numbered like a person but is a thing. */
const THING = /\b(?:order|item|part|sku|case|invoice|serial|model|tracking|ticket)\b[\s\w.:#]{0,12}$/i

export const nationalIds: Detector = (text) => {
  const found: Finding[] = []
  for (const { form, holds, after } of NATIONAL_IDS) {
    for (const { 0: match, index } of text.matchAll(form)) {
      if (after === undefined ? precededBy(text, index, THING, 24) : !precededBy(text, index, after)) continue
      if (holds === undefined || holds(match)) found.push({ kind: 'national_id', from: index, to: index + match.length })
    }
  }
  return found
}
