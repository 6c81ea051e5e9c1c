// The findings of one document, packed, and its text with some of them masked. The clean text itself is never changed, so
// that every mask can be taken back.
// Invariants: findings are in order and do not overlap; unmasking all gives the clean text, unit for unit.
import { OpenChatError } from '../errors.ts'
import type { IntakePii, PiiKind } from './intake-types.ts'
import { MASKS } from './pii/find.ts'
import type { Finding } from './pii/finding.ts'

const KINDS = Object.keys(MASKS) as PiiKind[]

export class Masks {
  /** from, to of each finding. */
  readonly #ranges: Uint32Array
  readonly #kinds: Uint8Array
  readonly #masked: Uint8Array

  /** @param findings in order, none overlapping another; all masked at first but those of kinds in `unmasked` */
  constructor(findings: readonly Finding[], unmasked: readonly PiiKind[] = []) {
    this.#ranges = Uint32Array.from(findings.flatMap(({ from, to }) => [from, to]))
    this.#kinds = Uint8Array.from(findings, ({ kind }) => KINDS.indexOf(kind))
    this.#masked = Uint8Array.from(findings, ({ kind }) => (unmasked.includes(kind) ? 0 : 1))
  }

  get found(): number {
    return this.#kinds.length
  }

  get masked(): number {
    return this.#masked.reduce((sum, one) => sum + one, 0)
  }

  has(kind: PiiKind): boolean {
    return this.#kinds.includes(KINDS.indexOf(kind))
  }

  /** @throws query_invalid for a finding that is not there */
  set(findings: readonly number[] | 'all', masked: boolean): void {
    if (findings === 'all') {
      this.#masked.fill(masked ? 1 : 0)
      return
    }
    for (const id of findings) {
      if (!(id in this.#masked))
        throw new OpenChatError('query_invalid', `There is no finding ${id} in this document.`, { meta: { finding: id } })
      this.#masked[id] = masked ? 1 : 0
    }
  }

  setKind(kind: PiiKind, masked: boolean): void {
    const wanted = KINDS.indexOf(kind)
    for (let i = 0; i < this.#kinds.length; i++) if (this.#kinds[i] === wanted) this.#masked[i] = masked ? 1 : 0
  }

  /** The text as it would be published. */
  apply(text: string): string {
    const pieces: string[] = []
    let at = 0
    for (let i = 0; i < this.#kinds.length; i++) {
      if (this.#masked[i] === 0) continue
      pieces.push(text.slice(at, this.#ranges[2 * i]), MASKS[KINDS[this.#kinds[i]]])
      at = this.#ranges[2 * i + 1]
    }
    pieces.push(text.slice(at))
    return pieces.join('')
  }

  /** Findings that touch [from, to), at most `limit`, with their words from `text`, which begins at `offset` of the whole. */
  list(text: string, from: number, to: number, limit: number, offset = 0): IntakePii[] {
    const found: IntakePii[] = []
    for (let id = 0; id < this.#kinds.length && found.length < limit; id++) {
      const [start, end] = [this.#ranges[2 * id], this.#ranges[2 * id + 1]]
      if (end <= from || start >= to) continue
      const kind = KINDS[this.#kinds[id]]
      const masked = this.#masked[id] === 1
      found.push({ id, kind, from: start, to: end, text: text.slice(start - offset, end - offset), token: MASKS[kind], masked })
    }
    return found
  }
}
