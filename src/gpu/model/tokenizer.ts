// Text to token ids and back, built from the vocabulary inside a GGUF file. Not a chat: see chat-template.ts.
// Invariants: control tokens come out of `encode` only with `parseSpecial`; without it their letters are ordinary text, because
// the ordinary vocabulary does not hold them at all. Bytes that have no token are dropped in silence, as the reference does.
// Source: `@huggingface/tokenizers` does the merging of byte-level BPE, sentencepiece.ts that of the other kind; the README of test/vectors/engine gives the vectors.
import { Tokenizer as ByteLevelBpe } from '@huggingface/tokenizers'
import { OpenChatError } from '../../errors.ts'
import type { GgufFile } from '../formats/gguf.ts'
import { byteCharacters, tokenBytes } from './byte-level.ts'
import { escaped } from './escaped.ts'
import { preTokenizer } from './pre-tokenizer.ts'
import { type Pieces, sentencePieces } from './sentencepiece.ts'
import { addsBos } from './special-tokens.ts'

export interface StreamingDecoder {
  /** @returns the text that became whole with this token; an incomplete character waits for the next one. */
  push(id: number): string
  /** @returns what still waits, as U+FFFD when the character was never finished. */
  end(): string
}

export interface Tokenizer {
  /** Number of ids. */
  readonly size: number
  /** Text of the control tokens, by id. */
  readonly controls: ReadonlyMap<number, string>
  /** Text of `tokenizer.ggml.bos_token_id` and `eos_token_id`; empty when the file names none. */
  readonly bosText: string
  readonly eosText: string
  /** A text cut at its control tokens: their ids as numbers, what stands between as it is. */
  cut(text: string): (string | number)[]
  /** Ids of a text, without BOS. With `parseSpecial`, control tokens written in it become their ids. */
  encode(text: string, options?: { parseSpecial?: boolean }): number[]
  /** Ids of a bare prompt: control tokens are parsed and the file's own BOS rule holds. */
  encodePrompt(text: string): number[]
  /** Bytes that a token stands for; none for a control token. Not to be written to. */
  bytesOf(id: number): Uint8Array
  /** Control tokens give no text. */
  decode(ids: readonly number[]): string
  decoder(): StreamingDecoder
}

/** Token types of GGUF that matter here; 1 is ordinary, 6 a byte of a sentencepiece vocabulary. */
const unknownType = 2
const controlType = 3
const userDefinedType = 4
/** A row of the embedding without a token. */
const unusedType = 5

/**
 * @example createTokenizer(gguf).encode('Good morning, neighbours!')
 * @throws gguf_invalid when the vocabulary is missing or contradicts itself; tokenizer_unsupported for another kind of tokenizer
 */
export function createTokenizer(gguf: GgufFile): Tokenizer {
  const kind = kindOf(gguf)
  const vocabulary = readVocabulary(gguf)
  const { tokens, types } = vocabulary
  const controls = new Map<number, string>()
  tokens.forEach((content, id) => {
    if (types[id] === controlType || (kind === 'llama' && types[id] === unknownType)) controls.set(id, content)
  })
  const pieces = kind === 'llama' ? sentencePieces(gguf, vocabulary) : byteLevelPieces(gguf, vocabulary)
  const idByControl = new Map([...controls].map(([id, content]) => [content, id]))
  const splitter = controlSplitter([...idByControl.keys()])
  const bytes = new Map<number, Uint8Array>()
  const bosId = optionalId(gguf, 'tokenizer.ggml.bos_token_id', tokens.length)
  const eosId = optionalId(gguf, 'tokenizer.ggml.eos_token_id', tokens.length)
  const addBos = addsBos(gguf)

  const ordinary = (text: string): number[] => (text === '' ? [] : pieces.encode(text))

  const bytesOf = (id: number): Uint8Array => {
    const known = bytes.get(id)
    if (known !== undefined) return known
    const fresh = id < 0 || id >= tokens.length || controls.has(id) ? new Uint8Array(0) : pieces.bytesOf(id)
    bytes.set(id, fresh)
    return fresh
  }

  const cut = (text: string): (string | number)[] =>
    // The splitter captures, so control tokens stand at odd places.
    splitter === null ? [text] : text.split(splitter).map((part, i) => (i % 2 === 1 ? (idByControl.get(part) as number) : part))

  const encode = (text: string, { parseSpecial = false } = {}): number[] =>
    parseSpecial ? cut(text).flatMap((part) => (typeof part === 'number' ? part : ordinary(part))) : ordinary(text)

  const decoder = (): StreamingDecoder => {
    // A byte order mark in an answer is text like any other.
    const utf8 = new TextDecoder('utf-8', { ignoreBOM: true })
    return { push: (id) => utf8.decode(bytesOf(id), { stream: true }), end: () => utf8.decode() }
  }

  return {
    size: tokens.length,
    controls,
    bosText: bosId === null ? '' : tokens[bosId],
    eosText: eosId === null ? '' : tokens[eosId],
    cut,
    encode,
    bytesOf,
    encodePrompt: (text) => [...(addBos && bosId !== null ? [bosId] : []), ...encode(text, { parseSpecial: true })],
    decode: (ids) => {
      const stream = decoder()
      return ids.map((id) => stream.push(id)).join('') + stream.end()
    },
    decoder,
  }
}

function fault(sentence: string, key: string): OpenChatError {
  return new OpenChatError('gguf_invalid', sentence, { meta: { key }, action: 'Choose another file.' })
}

function kindOf(gguf: GgufFile): 'gpt2' | 'llama' {
  const model = gguf.metadata.get('tokenizer.ggml.model')
  if (model === 'gpt2' || model === 'llama') return model
  const name = String(model).slice(0, 40)
  throw new OpenChatError(
    'tokenizer_unsupported',
    `The file's tokenizer is ${name}; byte-level BPE (gpt2) and SentencePiece BPE (llama) are run.`,
    { meta: { model: name }, action: 'Choose a model of the SmolLM, Llama, Mistral or Qwen2 family.' },
  )
}

interface Vocabulary {
  tokens: string[]
  types: ArrayLike<number>
}

function readVocabulary(gguf: GgufFile): Vocabulary {
  const tokens = strings(gguf, 'tokenizer.ggml.tokens')
  const embeddings = gguf.tensors.get('token_embd.weight')?.shape[1] ?? tokens.length
  if (tokens.length > embeddings) {
    throw fault(`The file has ${tokens.length} tokens but embeddings of ${embeddings}.`, 'tokenizer.ggml.tokens')
  }
  const types = gguf.metadata.get('tokenizer.ggml.token_type') ?? new Int32Array(tokens.length).fill(1)
  if (!(types instanceof Int32Array || types instanceof Uint32Array) || types.length !== tokens.length) {
    throw fault('tokenizer.ggml.token_type does not hold one number for each token.', 'tokenizer.ggml.token_type')
  }
  return { tokens, types }
}

function mergesOf(gguf: GgufFile): [string, string][] {
  return strings(gguf, 'tokenizer.ggml.merges').map((merge): [string, string] => {
    const space = merge.indexOf(' ')
    if (space < 1 || space === merge.length - 1) throw fault(`The merge ${merge.slice(0, 40)} is no pair.`, 'tokenizer.ggml.merges')
    return [merge.slice(0, space), merge.slice(space + 1)]
  })
}

function strings(gguf: GgufFile, key: string): string[] {
  const list = gguf.metadata.get(key)
  if (!Array.isArray(list) || !list.every((entry) => typeof entry === 'string'))
    throw fault(`Metadata key ${key} is no list of strings.`, key)
  return list
}

function optionalId(gguf: GgufFile, key: string, size: number): number | null {
  const id = gguf.metadata.get(key)
  if (id === undefined) return null
  if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= size) throw fault(`Metadata key ${key} names no token.`, key)
  return id
}

function byteLevelPieces(gguf: GgufFile, { tokens, types }: Vocabulary): Pieces {
  const added: { id: number; content: string; special: boolean; normalized: boolean }[] = []
  const vocab: Record<string, number> = Object.create(null)
  tokens.forEach((content, id) => {
    if (types[id] === userDefinedType) added.push({ id, content, special: false, normalized: false })
    else if (types[id] !== controlType && types[id] !== unusedType) vocab[content] = id
  })
  const pre = gguf.metadata.get('tokenizer.ggml.pre')
  const { splits, ignoreMerges, nfc } = preTokenizer(typeof pre === 'string' ? pre : 'default')
  const isolate = (regex: string) => ({ type: 'Split', pattern: { Regex: regex }, behavior: 'Isolated', invert: false })
  // Before merging, not after: the bytes on both sides of a dropped one become neighbours and may merge.
  const absent = byteCharacters.filter((character) => vocab[character] === undefined).map(escaped)
  const drop = { type: 'Replace', pattern: { Regex: `[${absent.join('')}]` }, content: '' }
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false }
  const bpe = new ByteLevelBpe(
    {
      version: '1.0',
      added_tokens: added,
      normalizer: nfc ? { type: 'NFC' } : null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [...splits.map(isolate), byteLevel, ...(absent.length === 0 ? [] : [drop])] },
      post_processor: null,
      decoder: byteLevel,
      model: { type: 'BPE', vocab, merges: mergesOf(gguf), ignore_merges: ignoreMerges },
    },
    { clean_up_tokenization_spaces: false },
  )
  return { encode: (text) => bpe.encode(text, { add_special_tokens: false }).ids, bytesOf: (id) => tokenBytes(tokens[id]) }
}

/** Matches any control token, the longest where several begin at one place; null when there are none. */
function controlSplitter(contents: string[]): RegExp | null {
  const found = contents.filter((content) => content !== '').sort((a, b) => b.length - a.length)
  if (found.length === 0) return null
  return new RegExp(`(${found.map(escaped).join('|')})`)
}
