// The infini-gram calls by name, from untrusted JSON: one entry of queries.json in, its result out.
// Not the calls themselves. Invariant: a field that is missing, of the wrong type or out of range is `query_invalid`.
import { OpenChatError } from '../../errors.ts'
import { attribute } from './attribute.ts'
import type { Index } from './index.ts'
import { distribution, probability, suffixDistribution, suffixProbability } from './next-token.ts'
import { documentByRank, searchDocuments } from './show-documents.ts'

export interface QuerySettings {
  /** The id that a following separator or end of text is reported as. */
  endOfText: number
  /** Tokens that begin a word, for `attribute` with enforce_bow. */
  wordStarts: ReadonlySet<number>
}

/** Fields that the reference engine gives a default; the others are needed. */
const DEFAULTS = new Map<string, unknown>([
  ['max_support', 1000],
  ['maxnum', 1],
  ['max_disp_len', 1000],
  ['seed', 0],
])

/** Result of one query object, in infini-gram's shape. @throws query_invalid */
export function answerQuery(index: Index, query: unknown, settings: QuerySettings): unknown {
  if (typeof query !== 'object' || query === null || Array.isArray(query)) throw invalid('A query must be an object with an "op".')
  const fields = new Fields(query as Record<string, unknown>)
  const op = fields.text('op')
  switch (op) {
    case 'find': {
      const tokens = fields.ids('input_ids')
      const ranges = index.query(tokens).ranges(0, tokens.length)
      return { cnt: ranges.reduce((sum, [low, high]) => sum + high - low, 0), segment_by_shard: ranges }
    }
    case 'count':
      return { count: index.count(fields.ids('input_ids')), approx: false }
    case 'prob':
      return probability(index, fields.ids('prompt_ids'), fields.whole('cont_id'))
    case 'infgram_prob':
      return suffixProbability(index, fields.ids('prompt_ids'), fields.whole('cont_id'))
    case 'ntd':
      return distribution(index, fields.ids('prompt_ids'), fields.whole('max_support'), settings.endOfText)
    case 'infgram_ntd':
      return suffixDistribution(index, fields.ids('prompt_ids'), fields.whole('max_support'), settings.endOfText)
    case 'search_docs':
      return searchDocuments(index, fields.ids('input_ids'), fields.whole('maxnum'), fields.whole('max_disp_len'), fields.whole('seed'))
    case 'get_doc_by_rank':
      return documentByRank(index, fields.whole('s'), fields.whole('rank'), fields.whole('max_disp_len'))
    case 'attribute':
      return {
        spans: attribute(index, fields.ids('input_ids'), {
          delimiters: new Set(fields.ids('delim_ids')),
          minLength: fields.whole('min_len'),
          maxCount: fields.whole('max_cnt'),
          wordStarts: fields.flag('enforce_bow') ? settings.wordStarts : null,
        }),
      }
    default:
      throw invalid(`There is no query "${op}".`)
  }
}

class Fields {
  readonly #fields: Record<string, unknown>

  constructor(fields: Record<string, unknown>) {
    this.#fields = fields
  }

  text(name: string): string {
    const value = this.#fields[name]
    if (typeof value !== 'string') throw invalid(`The field "${name}" must be a string.`)
    return value
  }

  flag(name: string): boolean {
    const value = this.#fields[name]
    if (typeof value !== 'boolean') throw invalid(`The field "${name}" must be true or false.`)
    return value
  }

  whole(name: string): number {
    const value = this.#fields[name] ?? DEFAULTS.get(name)
    if (!isWhole(value)) throw invalid(`The field "${name}" must be a whole number of at least 0.`)
    return value
  }

  ids(name: string): number[] {
    const value = this.#fields[name]
    if (!Array.isArray(value) || !value.every(isWhole)) throw invalid(`The field "${name}" must be a list of token ids.`)
    return value
  }
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function invalid(sentence: string): OpenChatError {
  return new OpenChatError('query_invalid', sentence, { action: 'See the list of calls in docs/errors/query_invalid.md.' })
}
