// What tokenizer.json keeps of a SentencePiece BPE (Llama 2, Mistral 7B), as the keys that GGUF has for it. Its scores are not in that
// file, but their order is: transformers wrote every way to halve a piece as a merge, the highest score first.
// Invariant: where the merges are anything else than that, the tokenizer is refused, as pieces with scores could not say it.
// Not a tokenizer: model/sentencepiece.ts. Source: transformers 4.57 (convert_slow_tokenizer), the tokenizers library 0.22.
import type { ConfigFile } from './config-file.ts'
import type { TypedValue } from './gguf-header.ts'
import { tokenizerUnsupported } from './tokenizer-unsupported.ts'

const space = '\u2581'
/** Token types of GGUF. */
const [ordinary, byte] = [1, 6]

export interface SentencePieceFile {
  model: ConfigFile
  /** Steps before the merging, one after another. */
  normalizers: ConfigFile[]
  cuts: ConfigFile[]
  tokens: readonly string[]
  types: Int32Array<ArrayBuffer>
  /** "left right" */
  merges: readonly string[]
}

/** @throws tokenizer_unsupported, model_config_invalid */
export function sentencePieceKeys({ model, normalizers, cuts, tokens, types, merges }: SentencePieceFile): [string, TypedValue][] {
  if (model.flag('ignore_merges')) throw tokenizerUnsupported('The tokenizer asks for ignore_merges', 'ignore_merges')
  if (cuts.length > 0) throw tokenizerUnsupported(`The tokenizer cuts texts by ${cuts[0]!.text('type')}`, 'pre_tokenizer')
  const marked = types.map((type, id) => (type === ordinary && /^<0x[0-9A-F]{2}>$/.test(tokens[id]!) ? byte : type))
  return [
    ['tokenizer.ggml.model', { text: 'llama' }],
    ['tokenizer.ggml.tokens', { texts: [...tokens] }],
    ['tokenizer.ggml.token_type', { i32s: marked }],
    ['tokenizer.ggml.scores', { f32s: scoresOf(model, tokens, marked, merges) }],
    ['tokenizer.ggml.add_space_prefix', { bool: putsSpaceBefore(normalizers) }],
  ]
}

/** Whether each text begins with ▁; that spaces become ▁ is a must. */
function putsSpaceBefore(normalizers: ConfigFile[]): boolean {
  const said = normalizers.map((step) => {
    const pattern = step.object('pattern')?.text('String')
    if (step.text('type') === 'Prepend' && step.text('prepend') === space) return 'prefix'
    return step.text('type') === 'Replace' && pattern === ' ' && step.text('content') === space ? 'spaces' : 'other'
  })
  if (said.join() === 'prefix,spaces') return true
  if (said.join() === 'spaces') return false
  throw tokenizerUnsupported("The tokenizer rewrites texts otherwise than SentencePiece's identity", 'normalizer')
}

/** By the rank of each piece's first merge. */
function scoresOf(model: ConfigFile, tokens: readonly string[], types: Int32Array, merges: readonly string[]): Float32Array<ArrayBuffer> {
  const known = new Set(tokens)
  const ranks = new Map<string, { first: number; ways: Set<number> }>()
  let last = ''
  for (const [rank, merge] of merges.entries()) {
    const cut = merge.indexOf(' ')
    const piece = merge.slice(0, cut) + merge.slice(cut + 1)
    if (cut < 1 || !known.has(piece)) throw model.fault('merges', 'must make tokens')
    if (piece !== last && ranks.has(piece)) throw foreign()
    const entry = ranks.get(piece) ?? { first: rank, ways: new Set() }
    entry.ways.add(cut)
    ranks.set(piece, entry)
    last = piece
  }
  return Float32Array.from(tokens, (token, id) => {
    const entry = ranks.get(token)
    if (types[id] === ordinary && waysOf(token, known) !== (entry?.ways.size ?? 0)) throw foreign()
    return -(entry?.first ?? merges.length)
  })
}

/** In how many ways a piece is two others. */
function waysOf(piece: string, known: ReadonlySet<string>): number {
  let ways = 0
  let at = 0
  for (const character of piece) {
    if (at > 0 && known.has(piece.slice(0, at)) && known.has(piece.slice(at))) ways++
    at += character.length
  }
  return ways
}

function foreign() {
  return tokenizerUnsupported("The tokenizer's merges are not those of pieces with scores", 'merges')
}
