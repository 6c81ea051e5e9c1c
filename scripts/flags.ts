// Reads `--name value` arguments of a command. Not node:util's parseArgs: that refuses a value that begins with a dash, and a
// prompt may begin with anything.
// Invariant: every argument is known and used, or the command ends with a `usage` error that names it.
import { OpenChatError } from '../src/errors.ts'

export interface FlagSpec {
  /** Flags that take the next argument, whatever it looks like. */
  values: readonly string[]
  /** Flags that take nothing. */
  switches?: readonly string[]
}

export interface Flags {
  /** The last value given. */
  text(name: string): string | undefined
  /** Every value given, in order. */
  all(name: string): string[]
  on(name: string): boolean
  /** A number within [least, most]; `fallback` when the flag is absent. */
  number(name: string, fallback: number, least: number, most?: number): number
  /** As {@link number}, whole. */
  integer(name: string, fallback: number, least: number, most?: number): number
  /** @throws usage when the flag is absent. */
  required(name: string): string
}

/** @example readFlags(args, { values: ['model', 'prompt'], switches: ['raw'] }).required('model') */
export function readFlags(args: readonly string[], { values, switches = [] }: FlagSpec): Flags {
  const given = new Map<string, string[]>()
  for (let i = 0; i < args.length; i++) {
    const [, name, inline] = /^--([a-z-]+)(?:=([\s\S]*))?$/.exec(args[i]) ?? []
    if (name !== undefined && switches.includes(name) && inline === undefined) given.set(name, [])
    else if (name !== undefined && values.includes(name)) {
      const value = inline ?? args[++i]
      if (value === undefined) throw usage(`--${name} needs a value.`)
      given.set(name, [...(given.get(name) ?? []), value])
    } else
      throw usage(
        `The argument ${args[i].slice(0, 60)} is not known; known are ${[...values, ...switches].map((f) => `--${f}`).join(', ')}.`,
      )
  }
  const text = (name: string) => given.get(name)?.at(-1)
  const number = (name: string, fallback: number, least: number, most = Number.POSITIVE_INFINITY) => {
    const value = text(name) === undefined ? fallback : Number(text(name))
    const range = most === Number.POSITIVE_INFINITY ? `at least ${least}` : `from ${least} to ${most}`
    if (!(value >= least && value <= most) || text(name)?.trim() === '')
      throw usage(`--${name} must be a number ${range}, got ${text(name)}.`)
    return value
  }
  return {
    text,
    number,
    all: (name) => given.get(name) ?? [],
    on: (name) => given.has(name),
    integer: (name, fallback, least, most) => {
      const value = number(name, fallback, least, most)
      if (!Number.isInteger(value)) throw usage(`--${name} must be a whole number, got ${text(name)}.`)
      return value
    },
    required: (name) => {
      const value = text(name)
      if (value === undefined) throw usage(`--${name} is missing.`)
      return value
    },
  }
}

export function usage(sentence: string): OpenChatError {
  return new OpenChatError('usage', sentence, { action: 'The first lines of its file in scripts show how it is called.' })
}
