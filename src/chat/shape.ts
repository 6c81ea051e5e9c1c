// Reading of values that strangers made: each reader returns what it names and nothing else, or says where the value differs.
// Only for plain JSON; it builds fresh objects, so that no key of a file (`__proto__` among them) becomes ours.
import { OpenChatError } from '../errors.ts'

/** @param at where the value stands, for the error */
export type Reader<T> = (value: unknown, at: string) => T

export function shapeError(at: string, expected: string, got: unknown): OpenChatError {
  const seen = got === null ? 'null' : Array.isArray(got) ? 'a list' : typeof got
  return new OpenChatError('import_invalid', `This file is no export that can be read: ${at} should be ${expected}, and is ${seen}.`, {
    action: 'Nothing was changed. Check that the file is the whole export.',
    meta: { at, expected },
  })
}

export function text(most: number): Reader<string> {
  return (value, at) => {
    if (typeof value !== 'string') throw shapeError(at, 'text', value)
    if (value.length > most) throw shapeError(at, `at most ${most} characters`, value)
    return value
  }
}

/** A finite number within [least, most]. */
export function number(least: number, most: number): Reader<number> {
  return (value, at) => {
    if (typeof value !== 'number' || !(value >= least && value <= most)) throw shapeError(at, `a number from ${least} to ${most}`, value)
    return value
  }
}

export function whole(most = Number.MAX_SAFE_INTEGER): Reader<number> {
  return (value, at) => {
    if (!Number.isInteger(value)) throw shapeError(at, 'a whole number', value)
    return number(0, most)(value, at)
  }
}

export const yesOrNo: Reader<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw shapeError(at, 'true or false', value)
  return value
}

export function oneOf<T extends string>(...choices: readonly T[]): Reader<T> {
  return (value, at) => {
    const found = choices.find((choice) => choice === value)
    if (found === undefined) throw shapeError(at, `one of ${choices.join(', ')}`, value)
    return found
  }
}

export function listOf<T>(item: Reader<T>, most: number): Reader<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw shapeError(at, 'a list', value)
    if (value.length > most) throw shapeError(at, `a list of at most ${most}`, value)
    return value.map((entry, i) => item(entry, `${at}[${i}]`))
  }
}

export function orNull<T>(reader: Reader<T>): Reader<T | null> {
  return (value, at) => (value === null ? null : reader(value, at))
}

export function fields(value: unknown, at: string): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw shapeError(at, 'an object', value)
  return value as Record<string, unknown>
}

/** An object with these fields; others are left behind. */
export function object<T extends object>(readers: { [K in keyof T]-?: Reader<T[K]> }): Reader<T> {
  return (value, at) => {
    const found = fields(value, at)
    const read: Partial<T> = {}
    for (const key of Object.keys(readers) as (keyof T & string)[]) {
      read[key] = readers[key](Object.hasOwn(found, key) ? found[key] : undefined, `${at}.${key}`)
    }
    return read as T
  }
}

/** The field when it is there, else nothing: for spreading into what {@link object} read. */
export function optional<K extends string, T>(value: unknown, at: string, key: K, reader: Reader<T>): { [P in K]?: T } {
  const found = fields(value, at)
  if (!Object.hasOwn(found, key) || found[key] === undefined || found[key] === null) return {}
  return { [key]: reader(found[key], `${at}.${key}`) } as { [P in K]?: T }
}

/** How deep brackets nest outside strings, without reading the text: a reader that calls itself must not run out of stack. */
export function nestingOf(json: string): number {
  let depth = 0
  let deepest = 0
  let quoted = false
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i)
    if (quoted) {
      if (c === 0x5c) i++
      else if (c === 0x22) quoted = false
    } else if (c === 0x22) quoted = true
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++depth)
    else if (c === 0x5d || c === 0x7d) depth--
  }
  return deepest
}
