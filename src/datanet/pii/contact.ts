// E-mail addresses, written plainly or spelled out, and telephone numbers: international, North American, and the national
// forms of Europe where a word beside them says that they are one. Numbers without such a form or word are left alone, so
// that a seven-digit local number in prose is missed rather than every number of a report masked.
// Sources: RFC 5321 §4.1.2 (looser: letters of any script), E.164 and the ITU list of country codes.
import { type Detector, digitsOf, type Finding, precededBy } from './finding.ts'

const LOCAL_PART = /[\p{L}\p{N}_](?:[\p{L}\p{N}._%+'-]{0,63})$/u
const DOMAIN = /(?:[\p{L}\p{N}](?:[\p{L}\p{N}-]{0,61}[\p{L}\p{N}])?\.){1,8}\p{L}{2,24}(?![\p{L}\p{N}_-])/uy
/** What only looks like an address: pictures for two densities, and the like. */
const FILE_ENDING = /\.(?:png|jpe?g|gif|svg|webp|js|ts|css|html?|json|md)$/i

const SPELLED_OUT = /[([{]\s?(?:at|dot)\s?[)\]}]|\sdot\s/i
const AT = String.raw`(?:[(\[{]\s?at\s?[)\]}]|\sat)`
const DOT = String.raw`(?:[(\[{]\s?dot\s?[)\]}]|\sdot|\.)`
const SPELLED = new RegExp(
  String.raw`(?<![\w.+-])[\w.+-]{1,64}\s{0,2}${AT}\s{0,2}[\w-]{1,63}(?:\s{0,2}${DOT}\s{0,2}[a-z][\w-]{1,62}){1,4}(?![\w-])`,
  'gi',
)

export const emails: Detector = (text) => {
  const found: Finding[] = []
  for (let at = text.indexOf('@'); at >= 0; at = text.indexOf('@', at + 1)) {
    const local = LOCAL_PART.exec(text.slice(Math.max(0, at - 64), at))?.[0]
    if (local === undefined) continue
    DOMAIN.lastIndex = at + 1
    const domain = DOMAIN.exec(text)?.[0]
    // git@host:path is the name of a repository, the same for everybody.
    if (domain === undefined || FILE_ENDING.test(domain) || (local === 'git' && text[at + 1 + domain.length] === ':')) continue
    found.push({ kind: 'email', from: at - local.length, to: at + 1 + domain.length })
  }
  if (SPELLED_OUT.test(text)) {
    for (const { 0: match, index } of text.matchAll(SPELLED)) {
      const plainAt = /\sat\s/i.test(match) && !/[([{]\s?at/i.test(match)
      if (plainAt && !/\sdot\s|[([{]\s?dot/i.test(match)) continue
      found.push({ kind: 'email', from: index, to: index + match.length })
    }
  }
  return found
}

const NUMBER = /(?<![\w.,/+$€£#-])(?:\+|\()?\d[\d ()./\u00a0-]{5,24}\d(?![\w%])/g
const NANP = /^(?:\+?1[ .-])?(?:\([2-9]\d\d\) ?[2-9]\d\d[ .-]\d{4}|([2-9]\d\d)([.-])[2-9]\d\d\2\d{4})$/
const NANP_SPACED = /^(?:1[ .-])?[2-9]\d\d[ .-][2-9]\d\d[ .-]\d{4}$/
/** Forms that are a telephone number without a word beside them. */
const FRENCH = /^0[1-9](?:[ .]\d\d){4}$/
const BRITISH = /^0(?:20 \d{4} \d{4}|1\d1 \d{3} \d{4}|7\d{3} \d{6}|1\d{3} \d{6})$/
const CALLING =
  /(?:\b(?:tel|phone|telephone|call|fax|telefax|mobile|mob|cell|handy|mobil|telefono?|téléphone|tél|ring|sms|text|whatsapp|signal|móvil|cellulare|telefoon|reach|contact|dial|numéro|rufnummer|durchwahl|komórka|puh)\b[^\n\d]{0,24}|传真|电话|手机|電話|☎|📞)[^\n\d+]{0,16}$/iu
/** Two and three digits; every other code has three that begin with 2, 3, 4, 5, 6, 8 or 9. */
const COUNTRY = /^(?:1|7|20|27|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|2[1-689]\d|3[578]\d|42\d|5[09]\d|6[789]\d|8[058]\d|9[679]\d)/

function isPhone(text: string, from: number, number: string): boolean {
  const digits = digitsOf(number)
  if (number.startsWith('+')) return digits.length >= 8 && digits.length <= 15 && COUNTRY.test(digits)
  if (NANP.test(number)) return true
  if (FRENCH.test(number) || BRITISH.test(number)) return true
  if (digits.startsWith('00') && digits.length >= 11 && digits.length <= 17 && COUNTRY.test(digits.slice(2))) return true
  if (!precededBy(text, from, CALLING, 48)) return false
  return NANP_SPACED.test(number) || (digits.startsWith('0') && digits.length >= 8 && digits.length <= 13)
}

export const phones: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: match, index } of text.matchAll(NUMBER)) {
    // What follows a closed number, as in "030 901820 (12)", may have been taken with it: the longest part that is one counts.
    for (let to = match.length; to >= 8; to = match.slice(0, to).search(/[ ()./\u00a0-]+[^ ()./\u00a0-]*$/)) {
      const number = match.slice(0, to)
      const opened = number.split('(').length === number.split(')').length
      if (opened && isPhone(text, index, number)) {
        found.push({ kind: 'phone', from: index, to: index + to })
        break
      }
    }
  }
  return found
}
