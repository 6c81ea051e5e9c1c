// A JSON file of a model folder, read key by key. Not a schema: what a key means is said where it is read (hf-config.ts).
// Invariant: a value is believed only in the type and range asked for; every fault names file and key.
import { OpenChatError } from '../../errors.ts'

export type Json = Record<string, unknown>

export class ConfigFile {
  readonly file: string
  readonly #json: Json
  /** Of a nested object, with a dot at its end. */
  readonly #path: string

  constructor(file: string, json: Json, path = '') {
    this.file = file
    this.#json = json
    this.#path = path
  }

  /** @throws model_config_invalid */
  static parse(file: string, text: Uint8Array): ConfigFile {
    let json: unknown
    try {
      json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(text))
    } catch (cause) {
      throw fault(`${file} is no JSON text.`, { file }, cause)
    }
    if (!isJson(json)) throw fault(`${file} is no JSON object.`, { file })
    return new ConfigFile(file, json)
  }

  /** Undefined where the key is absent or null. */
  raw(key: string): unknown {
    return Object.hasOwn(this.#json, key) ? (this.#json[key] ?? undefined) : undefined
  }

  /** A whole number from `least` below 2^31. */
  integer(key: string, least: number, otherwise?: number): number {
    const value = this.raw(key) ?? otherwise
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value < 2 ** 31) return value
    throw this.fault(key, `must be a whole number from ${least}`)
  }

  positive(key: string, otherwise?: number): number {
    const value = this.raw(key) ?? otherwise
    if (typeof value === 'number' && Number.isFinite(value) && value > 0) return value
    throw this.fault(key, 'must be a positive number')
  }

  flag(key: string): boolean {
    const value = this.raw(key) ?? false
    if (typeof value === 'boolean') return value
    throw this.fault(key, 'must be true or false')
  }

  text(key: string): string | null {
    const value = this.raw(key) ?? null
    if (value === null || typeof value === 'string') return value
    throw this.fault(key, 'must be a text')
  }

  list(key: string): unknown[] | null {
    const value = this.raw(key) ?? null
    if (value === null || Array.isArray(value)) return value
    throw this.fault(key, 'must be a list')
  }

  object(key: string): ConfigFile | null {
    const value = this.raw(key) ?? null
    if (value === null) return null
    if (isJson(value)) return new ConfigFile(this.file, value, `${this.#path}${key}.`)
    throw this.fault(key, 'must be an object')
  }

  entries(): [string, unknown][] {
    return Object.entries(this.#json)
  }

  fault(key: string, must: string): OpenChatError {
    const name = this.#path + key
    return fault(`${name} in ${this.file} ${must}, got ${shown(this.raw(key))}.`, { file: this.file, key: name })
  }
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function shown(value: unknown): string {
  return value === undefined ? 'nothing' : (JSON.stringify(value) ?? String(value)).slice(0, 60)
}

function fault(sentence: string, meta: Record<string, string>, cause?: unknown): OpenChatError {
  return new OpenChatError('model_config_invalid', sentence, { meta, action: 'Fetch the folder again, or choose another model.', cause })
}
