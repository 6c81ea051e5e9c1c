// Bank accounts (IBAN) and payment cards, by their check digits.
// Sources: ISO 13616 registry (length by country), ISO/IEC 7812 (issuer ranges).
import { ibanHolds, luhn } from './check-digits.ts'
import { type Detector, digitsOf, type Finding, precededBy } from './finding.ts'

/** Characters of an IBAN by country. */
const IBAN_LENGTHS: Record<string, number> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 ' +
    'FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ' +
    'ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ' +
    'ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)
const IBAN_START = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ -]?[A-Za-z0-9])/g

export const ibans: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: head, index } of text.matchAll(IBAN_START)) {
    const length = IBAN_LENGTHS[head.slice(0, 2).toUpperCase()]
    if (length === undefined) continue
    let plain = ''
    let to = index
    while (plain.length < length && to < text.length) {
      const character = text[to]
      if (/[A-Za-z0-9]/.test(character)) plain += character
      else if (!/[ \u00a0-]/.test(character) || !/[A-Za-z0-9]/.test(text[to + 1] ?? '')) break
      to++
    }
    if (plain.length === length && !/^[A-Za-z0-9]/.test(text.slice(to, to + 1)) && ibanHolds(plain.toUpperCase())) {
      found.push({ kind: 'iban', from: index, to })
    }
  }
  return found
}

const CARD = /(?<![\w.+-])\d(?:[ -]?\d){12,18}(?![\w-]|\.\d)/g
/** Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro; by length. */
const ISSUERS: Record<number, RegExp> = {
  13: /^4/,
  14: /^3(?:0[0-5]|[689])/,
  15: /^3[47]/,
  16: /^(?:4|5[0-8]|6|2(?:22[1-9]|2[3-9]|[3-6]|7[01]|720)|35(?:2[89]|[3-8])|3(?:0[0-5]|[689]))/,
  17: /^6[27]/,
  18: /^6[27]/,
  19: /^(?:4|6)/,
}
const GROUPED = /^(?:\d+|(\d{4})([ -])\d{4}(?:\2\d{4}){1,2}(?:\2\d{1,3})?|\d{4}([ -])\d{6}\3\d{4,5})$/
const PAYING = /card|visa|master|amex|credit|karte|carte|tarjeta|carta|charge|pay|paid/i

export const cards: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: match, index } of text.matchAll(CARD)) {
    const digits = digitsOf(match)
    if (!ISSUERS[digits.length]?.test(digits) || !GROUPED.test(match) || !luhn(digits)) continue
    // Thirteen digits with a 4 in front are an article number more often than an old Visa card.
    if (digits.length === 13 && !precededBy(text, index, PAYING)) continue
    found.push({ kind: 'card', from: index, to: index + match.length })
  }
  return found
}
