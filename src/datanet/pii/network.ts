// Addresses of machines, and links that carry a password or a token. Loopback, unspecified and mask addresses tell nothing
// of anybody and stay; four small numbers with dots are an address only where a word says so, else a version or a section.
// Sources: RFC 4291 §2.2, RFC 3986 §3.2.1.
import { type Detector, type Finding, precededBy } from './finding.ts'

const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`
const IPV4 = new RegExp(String.raw`(?<![\w.])(?:${OCTET}\.){3}${OCTET}(?!\w|\.\d)`, 'g')
const VERSION =
  /(?:\b(?:version|release|build|firmware|ver|rev|section|sections|sec|chapter|oid|article|art|table|figure|fig|clause|rule|item|paragraph|para|part|step|appendix)\b\.?|§)[\s:#]{0,3}$/i
const MACHINE =
  /\b(?:ip|ipv4|host|hosts|from|ssh|ping|login|server|client|addr|address|dns|router|remote|proxy|peer|peers|gateway|subnet|banned|blocked|https?:\/\/)\b/i
const NOBODY = /^(?:127\.|0\.|255\.|224\.0\.0\.)/
/** Largest number that section numbers and versions commonly reach. */
const SMALL = 31

function isMachine(text: string, from: number, address: string): boolean {
  if (NOBODY.test(address) || precededBy(text, from, VERSION)) return false
  return Math.max(...address.split('.').map(Number)) > SMALL || precededBy(text, from, MACHINE)
}

const IPV6 = /(?<![\w:.])[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?![\w:])/gi

function isIpv6(address: string): boolean {
  const groups = address.split(':')
  const filled = groups.filter((group) => group !== '')
  const gaps = address.split('::').length - 1
  if (gaps === 0) return groups.length === 8 && filled.length === 8
  if (gaps > 1 || filled.length > 7 || (/^:[^:]|[^:]:$/.test(address) && gaps === 0)) return false
  // "10::30" and "::1" are no one's; an address that is routed begins with three or four digits.
  return filled.length >= 2 && !address.startsWith('::') && groups[0].length >= 3
}

export const addresses: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: match, index } of text.matchAll(IPV4)) {
    if (isMachine(text, index, match)) found.push({ kind: 'ip', from: index, to: index + match.length })
  }
  if (!text.includes(':')) return found
  for (const { 0: match, index } of text.matchAll(IPV6)) {
    if (isIpv6(match)) found.push({ kind: 'ip', from: index, to: index + match.length })
  }
  return found
}

const SCHEME = /[a-z][a-z0-9+.-]{1,20}$/i
const LINK = /[^\s"'<>`[\]{}|\\^]{3,2000}/y
const USERINFO = /^[^/?#@]*:[^/?#@]+@/
const SECRET_PARAMETER = /[?&#;](?:[\w.-]*(?:token|api[_-]?key|secret|signature|passw(?:or)?d|pwd)|key|sig|auth)=([^&#;]{4,})/gi

/** Whether the part after `://` holds a password or a key. */
function carriesSecret(rest: string): boolean {
  if (USERINFO.test(rest)) return true
  for (const [parameter, value] of rest.matchAll(SECRET_PARAMETER)) {
    if (/passw|pwd/i.test(parameter) || (value.length >= 12 && /\d/.test(value))) return true
  }
  return false
}

export const secretLinks: Detector = (text) => {
  const found: Finding[] = []
  for (let at = text.indexOf('://'); at >= 0; at = text.indexOf('://', at + 3)) {
    const scheme = SCHEME.exec(text.slice(Math.max(0, at - 21), at))?.[0]
    LINK.lastIndex = at + 3
    const rest = LINK.exec(text)?.[0].replace(/[.,;:!?)]+$/, '')
    if (scheme === undefined || rest === undefined || !carriesSecret(rest)) continue
    found.push({ kind: 'url_credentials', from: at - scheme.length, to: at + 3 + rest.length })
  }
  return found
}
