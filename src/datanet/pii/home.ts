// Where somebody lives, precisely (house number, street, postal code), and the day somebody was born on. A street or a town
// alone stays, and so does the birthday of whoever would be older than anybody alive.
import { type Detector, type Finding, precededBy } from './finding.ts'

const CAPITAL = String.raw`[\p{Lu}][\p{L}'’.-]*`
const ENGLISH_STREET =
  '(?:Street|St|Avenue|Ave|Road|Rd|Lane|Ln|Drive|Dr|Court|Ct|Boulevard|Blvd|Way|Place|Pl|Square|Sq|Terrace|Crescent|Close|Row|Parkway|Pkwy|Highway|Hwy|Circle|Mews|Grove|Hill|Gardens|Walk|Trail|Quay)'
/** United States, Canada, United Kingdom, Australia. */
const ENGLISH_CODE = String.raw`(?:(?:[A-Z]{2}|${CAPITAL}(?: ${CAPITAL})?),? \d{5}(?:-\d{4})?|(?:[A-Z]{2},? )?[A-CEGHJ-NPR-TVXY]\d[A-Z] ?\d[A-Z]\d|[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}|(?:NSW|VIC|QLD|WA|SA|TAS|ACT|NT) \d{4})`
const ENGLISH = new RegExp(
  String.raw`(?<![\w.,/-])(?:(?:Flat|Unit|Apt\.?|Suite) \w{1,4}, )?\d{1,5}[A-Za-z]?(?:-\d{1,4})? (?:[NSEW]\.? |(?:North|South|East|West) )?(?:${CAPITAL} |\d{1,3}(?:st|nd|rd|th) ){1,4}?${ENGLISH_STREET}\b\.?(?:[, ]{1,2}(?:Apt|Apartment|Suite|Unit|Flat|Floor|#)\.? ?\w{1,5})?,? (?:${CAPITAL},? ){1,4}?${ENGLISH_CODE}(?!\w)`,
  'gu',
)
const FRENCH = new RegExp(
  String.raw`(?<!\w)\d{1,4}(?: ?(?:bis|ter))?,? (?:rue|avenue|av\.|boulevard|bd|place|chemin|allée|impasse|quai|cours|route|square|Rue|Avenue|Boulevard|Place|Chemin|Quai|Route)(?: [\p{L}'’.-]+){1,6},? (?:F-|B-|CH-)?\d{4,5} ${CAPITAL}`,
  'gu',
)
/** The continent's order: street and number, then code and town. Anchored at the number; the street is read backwards. */
const CONTINENTAL = new RegExp(
  String.raw` \d{1,4} ?[a-z]?(?:[-/]\d{1,4})?,? (?:(?:D|A|CH|NL|I|E|SE|PL)-)?(?:\d{4} ?[A-Z]{2} ${CAPITAL}|\d{2}-\d{3} ${CAPITAL}|\d{3} \d{2} ${CAPITAL}|\d{4,5} ${CAPITAL})(?!\p{L})`,
  'gu',
)
const STREET_BEFORE =
  /(?<!\p{L})(?:(?:\p{Lu}[\p{L}.-]* ){0,3}(?:\p{Lu}[\p{L}-]*)?(?:[Ss]traße|[Ss]trasse|[Ss]tr\.|[Ww]eg|[Pp]latz|[Aa]llee|gasse|ring|damm|ufer|[Mm]arkt|straat|gracht|laan|plein|kade|singel|dijk|steeg|gatan|vägen|gränd|torget|gade|vej|veien|gata)|(?:[Cc]alle|Straße|Allee|Platz|Calle|C\/|Avenida|Avda\.|Plaza|Paseo|Camino|Carrer|Rua|Via|Viale|Piazza|Corso|Largo|Vicolo|ul\.|al\.|pl\.|ulica|aleja)(?: [\p{L}'’.]+){1,5}|(?:(?:Am|Im|An der|Auf der|Zum|Zur|In der)(?: \p{Lu}[\p{L}-]+){1,2}))$/u

export const homes: Detector = (text) => {
  const found: Finding[] = []
  for (const pattern of [ENGLISH, FRENCH]) {
    for (const { 0: match, index } of text.matchAll(pattern)) found.push({ kind: 'address', from: index, to: index + match.length })
  }
  for (const { 0: match, index } of text.matchAll(CONTINENTAL)) {
    const street = STREET_BEFORE.exec(text.slice(Math.max(0, index - 60), index))
    if (street !== null) found.push({ kind: 'address', from: index - street[0].length, to: index + match.length })
  }
  return found
}

const MONTH = String.raw`(?:\p{L}{3,10}\.?)`
const DATE = String.raw`(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:\d{4}|\d{2})|\d{1,2}(?:st|nd|rd|th|\.|er|º)?(?: of| de)? ${MONTH}(?: de)?,? \d{4}|${MONTH} \d{1,2}(?:st|nd|rd|th)?,? \d{4})`
const BORN = new RegExp(
  String.raw`(?:date[\s_-]of[\s_-]birth|\bd\.?o\.?b\b\.?|birth[\s_-]?date|birthday|\bborn(?: on)?(?: the)?|geboren(?: am| op)?|\bgeb\.|geburtsdatum|\bnée? le|date de naissance|nacid[oa] el|fecha de nacimiento|\bnat[oa] il|data di nascita|data de nascimento|nascid[oa] em|data urodzenia|ur\. |född(?: den)?|født(?: den)?|syntynyt|geboortedatum|\(b\.)["']?\s{0,2}[:=]?\s{0,2}["']?(${DATE})(?!\w)`,
  'giu',
)
/** Nobody alive is older than about 120. */
const OLDEST_BIRTH = 1905

export const birthDates: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: match, 1: date, index } of text.matchAll(BORN)) {
    const year = Number(/\d{4}/.exec(date)?.[0] ?? OLDEST_BIRTH)
    if (year < OLDEST_BIRTH || precededBy(text, index, /\bun$/i, 3)) continue
    found.push({ kind: 'birth_date', from: index + match.length - date.length, to: index + match.length })
  }
  return found
}
