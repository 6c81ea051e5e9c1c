// One document that was brought: what was found out about it, its masks, and where its clean text waits. It changes by masks,
// by what people say of it, and by being left out; the clean text never changes.
// Invariant: `characters`, `excerpt` and `piiMasked` are those of the text as it would be published now. `tokens` is exact
// when it was examined; after a change of masks it is counted around the masks alone, and `batches` counts again.
import type { IntakeDocument, IntakePii, PiiKind } from './intake-types.ts'
import type { Masks } from './mask.ts'
import { ownCopy } from './spill.ts'
import { expectedStake } from './stake.ts'
import type { Encode } from './tokens.ts'

const EXCERPT = 280
const MOST_LISTED = 200
/** Units on each side of a mask in which tokens can change. */
const AROUND = 48

export type Facts = Omit<IntakeDocument, 'characters' | 'excerpt' | 'pii' | 'piiFound' | 'piiMasked' | 'expectedStake'>

export class Brought {
  readonly facts: Facts
  readonly masks: Masks
  /** Handle of the clean text. */
  readonly handle: number
  #characters: number
  #excerpt: string

  constructor(facts: Facts, masks: Masks, handle: number, published: string) {
    // A clone holds no piece of the text it was made from (spill.ts, ownCopy).
    this.facts = structuredClone(facts)
    this.masks = masks
    this.handle = handle
    this.#characters = published.length
    this.#excerpt = ownCopy(published.slice(0, EXCERPT))
  }

  get characters(): number {
    return this.#characters
  }

  get stake(): bigint {
    return expectedStake(this.facts.tokens)
  }

  /** @param text the clean text */
  summary(text: string): IntakeDocument {
    const { masks } = this
    return {
      ...this.facts,
      characters: this.#characters,
      excerpt: this.#excerpt,
      pii: masks.list(text, 0, text.length, MOST_LISTED),
      piiFound: masks.found,
      piiMasked: masks.masked,
      expectedStake: this.stake,
    }
  }

  /** @param text the clean text */
  mask(text: string, change: { findings: readonly number[] | 'all' } | { kind: PiiKind }, masked: boolean, encode: Encode): void {
    const before = this.masks.list(text, 0, text.length, Number.POSITIVE_INFINITY)
    if ('kind' in change) this.masks.setKind(change.kind, masked)
    else this.masks.set(change.findings, masked)
    const after = this.masks.list(text, 0, text.length, Number.POSITIVE_INFINITY)
    for (const [i, finding] of after.entries()) {
      if (finding.masked !== before[i].masked) this.facts.tokens += tokensGained(text, finding, encode)
    }
    const published = this.masks.apply(text)
    this.#characters = published.length
    this.#excerpt = ownCopy(published.slice(0, EXCERPT))
  }
}

/** Tokens that a finding's present state has more than the other one, counted with the words beside it. */
function tokensGained(text: string, { from, to, masked, token }: IntakePii, encode: Encode): number {
  const left = text.slice(text.lastIndexOf(' ', Math.max(0, from - AROUND)) + 1, from)
  const blank = text.indexOf(' ', to + AROUND)
  const right = text.slice(to, blank < 0 ? to + AROUND : Math.min(blank, to + 2 * AROUND))
  const gain = encode(left + token + right).length - encode(left + text.slice(from, to) + right).length
  return masked ? gain : -gain
}
