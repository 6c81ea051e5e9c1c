// Keys that open something: tokens of well-known services by their prefixes, passwords and keys by the name they are given,
// private keys by their armour, their name or their check sum. A hash without such a name stays: it is no secret.
// Sources: the services' own descriptions of their token formats; RFC 7468 (PEM); Bitcoin's WIF (Base58Check).
import { sha256 } from '@noble/hashes/sha2.js'
import type { Detector, Finding } from './finding.ts'

const TOKEN =
  /(?<![\w-])(?:A[KS]IA[A-Z2-7]{16}|gh[pousr]_\w{36,}|github_pat_\w{50,}|glpat-[\w-]{20,}|xox[abeoprs]-[\w-]{20,}|[sr]k_(?:live|test)_\w{16,}|AIza[\w-]{35}|sk-(?:[a-z]+\d*-)*[\w-]{32,}|npm_\w{36}|hf_\w{30,}|SG\.[\w-]{16,}\.[\w-]{32,}|do[opr]_v1_[0-9a-f]{64}|pypi-[\w-]{50,}|eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}|\d{8,10}:AA[\w-]{33})(?![\w])/g
const NAMED =
  /(?:api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?(?:access[_-]?)?key|client[_-]?secret|(?:access|auth|refresh)[_-]?token|passw(?:or)?d|passwd|\bpwd|\bsecret)["']?(?:\s?[:=]\s?|\sis\s)(["']?)([^\s"',;<>()]{8,200})/gi
const HEADER = /\b(?:Bearer|Basic)\s([\w.~+/-]{16,}={0,2})/g
const PLACEHOLDER = /^(?:process\.|env\.|os\.|\$|%|\{|x{4,}|\*{4,})|\*{4,}|\.{3}|…/i

/** Words alone are no password that anybody would guess to be one here; letters with digits or signs are. */
const looksSecret = (value: string): boolean => /\p{L}/u.test(value) && /[\d!?@#$%^&*+/=~]/.test(value) && !PLACEHOLDER.test(value)

export const apiKeys: Detector = (text) => {
  const found: Finding[] = []
  for (const { 0: match, index } of text.matchAll(TOKEN)) found.push({ kind: 'api_key', from: index, to: index + match.length })
  for (const { 0: match, 2: raw, index } of text.matchAll(NAMED)) {
    const value = raw.replace(/[.!?]$/, '')
    const from = index + match.length - raw.length
    if (looksSecret(value)) found.push({ kind: 'api_key', from, to: from + value.length })
  }
  for (const { 0: match, 1: value, index } of text.matchAll(HEADER)) {
    const from = index + match.length - value.length
    if (/\d/.test(value)) found.push({ kind: 'api_key', from, to: from + value.length })
  }
  return found
}

const ARMOUR = /-----BEGIN ([A-Z0-9 ]{0,20})PRIVATE KEY( BLOCK)?-----[\s\S]{1,20000}?-----END \1PRIVATE KEY\2-----/g
const NAMED_HEX = /(?:private|secret)[\s_-]?key\b[^\n]{0,16}?(?<![0-9a-z])((?:0x)?[0-9a-f]{64})(?![0-9a-z])/gi
const WIF = /(?<![1-9A-Za-z])[5KLc9][1-9A-HJ-NP-Za-km-z]{50,51}(?![1-9A-Za-z])/g
const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/** Whether Base58Check holds: the last four bytes are the start of the double sha256 of the others. */
function isWif(text: string): boolean {
  let number = 0n
  for (const character of text) number = number * 58n + BigInt(BASE58.indexOf(character))
  const hex = number.toString(16)
  const bytes = Uint8Array.from((hex.length % 2 === 0 ? hex : `0${hex}`).match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
  const check = sha256(sha256(bytes.subarray(0, -4)))
  return bytes.subarray(-4).every((byte, i) => byte === check[i])
}

export const privateKeys: Detector = (text) => {
  const found: Finding[] = []
  const add = (from: number, length: number) => found.push({ kind: 'private_key', from, to: from + length })
  if (text.includes('-----BEGIN ')) for (const { 0: match, index } of text.matchAll(ARMOUR)) add(index, match.length)
  for (const { 0: match, 1: key, index } of text.matchAll(NAMED_HEX)) add(index + match.length - key.length, key.length)
  for (const { 0: match, index } of text.matchAll(WIF)) if (isWif(match)) add(index, match.length)
  return found
}
