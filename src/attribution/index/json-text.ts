// JSON as text in, JSON as text out, in the form that Python's json.dumps writes by default: ", " and ": ", everything
// beyond ASCII as lower-case \uXXXX, numbers as Python prints them, field order kept. infini-gram's metadata files are
// in that form, and JSON.parse cannot reach it: it loses 1.0, integers above 2^53, and the order of keys such as "1".
// Not a general parser: no reviver, no comments. NaN and Infinity are read, as Python reads them.
import { OpenChatError } from '../../errors.ts'

/** A number, as Python prints it. */
export class JsonNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}
export type Json = null | boolean | string | JsonNumber | Json[] | Map<string, Json>

/** Deeper nesting than this is refused, so that hostile text cannot exhaust the stack. */
const MAX_DEPTH = 500
const NUMBER = /-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/y
const WORDS = new Map<string, Json>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', new JsonNumber('NaN')],
  ['Infinity', new JsonNumber('Infinity')],
  ['-Infinity', new JsonNumber('-Infinity')],
])

/** @throws corpus_invalid with the character position */
export function parseJson(text: string): Json {
  const reader = new Reader(text)
  const value = reader.value(0)
  reader.end()
  return value
}

/** The inverse of parseJson, as Python's json.dumps. */
export function dumpJson(value: Json): string {
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value === 'string') return dumpString(value)
  if (value instanceof JsonNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(dumpJson).join(', ')}]`
  return `{${[...value].map(([key, item]) => `${dumpString(key)}: ${dumpJson(item)}`).join(', ')}}`
}

class Reader {
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  end(): void {
    this.#space()
    if (this.#at < this.#text.length) this.#fail('the end')
  }

  value(depth: number): Json {
    this.#space()
    if (depth > MAX_DEPTH) this.#fail(`fewer than ${MAX_DEPTH} levels`)
    const next = this.#text[this.#at]
    if (next === '"') return this.#string()
    if (next === '[') return this.#list(depth)
    if (next === '{') return this.#object(depth)
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, this.#at)) continue
      this.#at += word.length
      return value
    }
    return this.#number()
  }

  #list(depth: number): Json[] {
    this.#at++
    const items: Json[] = []
    if (this.#closes(']')) return items
    do items.push(this.value(depth + 1))
    while (this.#continues(']'))
    return items
  }

  #object(depth: number): Map<string, Json> {
    this.#at++
    const fields = new Map<string, Json>()
    if (this.#closes('}')) return fields
    do {
      this.#space()
      const key = this.#string()
      this.#space()
      if (this.#text[this.#at++] !== ':') this.#fail('":"', -1)
      fields.set(key, this.value(depth + 1))
    } while (this.#continues('}'))
    return fields
  }

  #string(): string {
    const start = this.#at
    if (this.#text[start] !== '"') this.#fail('a value')
    let at = start + 1
    while (at < this.#text.length && this.#text[at] !== '"') at += this.#text[at] === '\\' ? 2 : 1
    try {
      const value: unknown = JSON.parse(this.#text.slice(start, at + 1))
      this.#at = at + 1
      return String(value)
    } catch (cause) {
      return this.#fail('a string', 0, cause)
    }
  }

  #number(): JsonNumber {
    NUMBER.lastIndex = this.#at
    const match = NUMBER.exec(this.#text)
    if (match === null) return this.#fail('a value')
    this.#at += match[0].length
    const whole = match[1] === undefined && match[2] === undefined
    return new JsonNumber(whole ? (match[0] === '-0' ? '0' : match[0]) : pythonFloat(Number(match[0])))
  }

  #closes(bracket: string): boolean {
    this.#space()
    if (this.#text[this.#at] !== bracket) return false
    this.#at++
    return true
  }

  #continues(bracket: string): boolean {
    if (this.#closes(bracket)) return false
    if (this.#text[this.#at++] !== ',') this.#fail(`"," or "${bracket}"`, -1)
    return true
  }

  #space(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? 'x')) this.#at++
  }

  #fail(expected: string, shift = 0, cause?: unknown): never {
    throw new OpenChatError('corpus_invalid', `Not JSON: expected ${expected} at character ${this.#at + shift + 1}.`, {
      meta: { character: this.#at + shift + 1 },
      cause,
    })
  }
}

/** repr(float): the shortest digits that read back, an exponent below 1e-4 and from 1e16 on. */
function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? 'Infinity' : '-Infinity'
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const [mantissa, power] = value.toExponential().split('e')
  const exponent = Number(power)
  if (exponent < -4 || exponent >= 16) {
    const sign = exponent < 0 ? '-' : '+'
    return `${mantissa}e${sign}${String(Math.abs(exponent)).padStart(2, '0')}`
  }
  const negative = mantissa.startsWith('-') ? '-' : ''
  const digits = mantissa.replace(/[-.]/g, '')
  if (exponent < 0) return `${negative}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${negative}${whole}.${digits.slice(exponent + 1) || '0'}`
}

const SHORT = new Map([
  ['"', '\\"'],
  ['\\', '\\\\'],
  ['\b', '\\b'],
  ['\f', '\\f'],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t'],
])

function dumpString(text: string): string {
  let out = '"'
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    const plain = unit >= 0x20 && unit <= 0x7e && unit !== 0x22 && unit !== 0x5c
    out += plain ? text[i] : (SHORT.get(text[i]) ?? `\\u${unit.toString(16).padStart(4, '0')}`)
  }
  return `${out}"`
}
