// The BPE of SentencePiece (Llama 2, Mistral 7B: `tokenizer.ggml.model = llama`): pieces and scores, ▁ for a space, bytes for what
// no piece holds. Not its Unigram models and not its normaliser: a file that asks for either is refused.
// Invariants: of all neighbours the pair whose piece scores highest merges first, of equals the leftmost; a piece marked unused is
// merged through and taken apart again at the end; every text has ids, as all 256 bytes have one.
// Source: sentencepiece 0.2 (bpe_model.cc); where a space is put and what a file's keys mean: llama.cpp (llama-vocab.cpp).
// test/vectors/engine/sentencepiece holds what sentencepiece itself makes of awkward texts.
import { OpenChatError } from '../../errors.ts'
import type { GgufFile } from '../formats/gguf.ts'
import { escaped } from './escaped.ts'

/** Token types of GGUF. */
const [ordinary, userDefined, unused, byte] = [1, 4, 5, 6]
const space = '\u2581'

/** How one kind of tokenizer cuts text that holds no control token, and what its tokens stand for. */
export interface Pieces {
  encode(text: string): number[]
  /** Of a token that is no control token. */
  bytesOf(id: number): Uint8Array
}

interface Vocabulary {
  tokens: readonly string[]
  types: ArrayLike<number>
}

/** Two neighbours that would make a piece: symbols by index, and the UTF-16 length of both, which tells whether they still stand. */
interface Pair {
  left: number
  right: number
  length: number
  score: number
}

/** @throws gguf_invalid, tokenizer_unsupported */
export function sentencePieces(gguf: GgufFile, { tokens, types }: Vocabulary): Pieces {
  ensureExact(gguf)
  const scores = scoresOf(gguf, tokens.length)
  const idOf = new Map<string, number>()
  const byteIds: number[] = []
  const added: string[] = []
  for (const [id, token] of tokens.entries()) {
    const type = types[id]
    if (type === byte && /^<0x[0-9A-F]{2}>$/.test(token)) byteIds[Number(token.slice(1, -1))] = id
    else if (type === ordinary || type === unused || type === userDefined) idOf.set(token, id)
    if (type === userDefined && token !== '') added.push(token)
  }
  for (let value = 0; value < 256; value++) {
    if (byteIds[value] === undefined) throw unsupported(`The vocabulary has no token for byte ${value}`, 'tokenizer.ggml.token_type')
  }
  const prefix = gguf.metadata.get('tokenizer.ggml.add_space_prefix') === false ? '' : space
  const atAdded =
    added.length === 0
      ? null
      : new RegExp(
          `(${added
            .sort((a, b) => b.length - a.length)
            .map(escaped)
            .join('|')})`,
        )

  /** @param text with ▁ for spaces */
  const merged = (text: string): number[] => {
    const takenApart = new Map<string, [string, string]>()
    const symbols = new Symbols(text)
    const queue = new PairQueue()
    const offer = (left: number, right: number) => {
      if (left < 0 || right < 0) return
      const piece = symbols.text(left, right)
      const id = idOf.get(piece)
      if (id === undefined) return
      if (types[id] === unused) takenApart.set(piece, [symbols.text(left), symbols.text(right)])
      queue.push({ left, right, length: piece.length, score: scores[id]! })
    }
    for (let i = 1; i < symbols.count; i++) offer(i - 1, i)
    for (let pair = queue.pop(); pair !== undefined; pair = queue.pop()) {
      if (!symbols.stand(pair)) continue
      symbols.join(pair)
      offer(symbols.before(pair.left), pair.left)
      offer(pair.left, symbols.after(pair.left))
    }
    const ids: number[] = []
    const put = (piece: string) => {
      const id = idOf.get(piece)
      const parts = id !== undefined && types[id] === unused ? takenApart.get(piece) : undefined
      if (parts !== undefined) for (const part of parts) put(part)
      else if (id !== undefined) ids.push(id)
      else for (const value of new TextEncoder().encode(piece)) ids.push(byteIds[value]!)
    }
    for (let at = symbols.count > 0 ? 0 : -1; at >= 0; at = symbols.after(at)) put(symbols.text(at))
    return ids
  }

  const encode = (text: string): number[] =>
    // The splitter captures, so added tokens stand at odd places. Behind one a text begins anew, with a space of its own.
    (atAdded === null ? [text] : text.split(atAdded)).flatMap((part, i) => {
      if (i % 2 === 1) return idOf.get(part)!
      return part === '' ? [] : merged(prefix + part.replaceAll(' ', space))
    })
  return {
    encode,
    bytesOf: (id) => {
      const token = tokens[id]!
      if (types[id] === byte) return Uint8Array.of(Number(token.slice(1, -1)))
      return new TextEncoder().encode(types[id] === userDefined ? token : token.replaceAll(space, ' '))
    },
  }
}

/** The text as a list of symbols that grow into each other, characters at first. */
class Symbols {
  readonly count: number
  readonly #text: string
  readonly #start: number[] = []
  readonly #end: number[] = []
  readonly #before: number[] = []
  readonly #after: number[] = []

  constructor(text: string) {
    this.#text = text
    let at = 0
    for (const character of text) {
      const i = this.#start.length
      this.#start.push(at)
      at += character.length
      this.#end.push(at)
      this.#before.push(i - 1)
      this.#after.push(at < text.length ? i + 1 : -1)
    }
    this.count = this.#start.length
  }

  /** Of the symbols from `first` to `last`. */
  text(first: number, last = first): string {
    return this.#text.slice(this.#start[first], this.#end[last])
  }

  before = (i: number): number => this.#before[i]!
  after = (i: number): number => this.#after[i]!

  /** Neither of the two was joined to another since the pair was seen. */
  stand({ left, right, length }: Pair): boolean {
    return this.#after[left] === right && this.#end[right]! - this.#start[left]! === length
  }

  join({ left, right }: Pair): void {
    const next = this.#after[right]!
    this.#end[left] = this.#end[right]!
    this.#after[left] = next
    if (next >= 0) this.#before[next] = left
    this.#after[right] = -2
  }
}

/** A binary heap: the best pair first. */
class PairQueue {
  readonly #heap: Pair[] = []

  push(pair: Pair): void {
    const heap = this.#heap
    let at = heap.length
    while (at > 0) {
      const parent = (at - 1) >>> 1
      if (!isBetter(pair, heap[parent]!)) break
      heap[at] = heap[parent]!
      at = parent
    }
    heap[at] = pair
  }

  pop(): Pair | undefined {
    const heap = this.#heap
    const best = heap[0]
    const last = heap.pop()
    if (best === undefined || last === undefined || heap.length === 0) return best
    let at = 0
    for (let child = 1; child < heap.length; child = 2 * at + 1) {
      if (child + 1 < heap.length && isBetter(heap[child + 1]!, heap[child]!)) child++
      if (!isBetter(heap[child]!, last)) break
      heap[at] = heap[child]!
      at = child
    }
    heap[at] = last
    return best
  }
}

const isBetter = (a: Pair, b: Pair): boolean => a.score > b.score || (a.score === b.score && a.left < b.left)

function scoresOf(gguf: GgufFile, tokens: number): Float32Array {
  const key = 'tokenizer.ggml.scores'
  const scores = gguf.metadata.get(key)
  if (scores instanceof Float32Array && scores.length === tokens && scores.every(Number.isFinite)) return scores
  throw new OpenChatError('gguf_invalid', `${key} does not hold one number for each token.`, {
    meta: { key },
    action: 'Choose another file.',
  })
}

/** @throws tokenizer_unsupported where the file changes texts before they are cut, in ways that are not computed here */
function ensureExact({ metadata }: GgufFile): void {
  const table = metadata.get('tokenizer.ggml.precompiled_charsmap')
  if (table !== undefined && (table as ArrayLike<unknown>).length > 0)
    throw unsupported('The tokenizer rewrites characters by a table', 'tokenizer.ggml.precompiled_charsmap')
  if (metadata.get('tokenizer.ggml.remove_extra_whitespaces') === true)
    throw unsupported('The tokenizer drops spaces', 'tokenizer.ggml.remove_extra_whitespaces')
}

function unsupported(what: string, key: string): OpenChatError {
  return new OpenChatError('tokenizer_unsupported', `${what}, which is not known here.`, {
    meta: { key },
    action: 'Choose a model of the SmolLM, Llama, Mistral or Qwen2 family.',
  })
}
