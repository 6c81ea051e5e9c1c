// What tokenizer.json and its companions say, as the tokenizer keys of a GGUF file. Not a tokenizer: model/tokenizer.ts is built
// from those keys, whichever file they came from.
// Invariant: a rule that would cut or merge a text otherwise than a tokenizer known here is refused by name.
// Source: the tokenizer.json of the tokenizers library (0.22); tokenizer_config.json and chat_template.jinja of transformers 4.57.
import type { OpenChatError } from '../../errors.ts'
import { cutOf, gpt2Split, preTokenizerName } from '../model/pre-tokenizer.ts'
import { ConfigFile, isJson, type Json, shown } from './config-file.ts'
import type { TypedValue } from './gguf-header.ts'
import { sentencePieceKeys } from './hf-sentencepiece.ts'
import { tokenizerUnsupported as unsupported } from './tokenizer-unsupported.ts'

/** Token types of GGUF. */
const [ordinary, control, userDefined, unused] = [1, 3, 4, 5]

export interface TokenizerFiles {
  /** tokenizer.json */
  tokenizer: ConfigFile
  /** tokenizer_config.json */
  settings: ConfigFile | null
  /** chat_template.jinja, which wins over the template in tokenizer_config.json. */
  chatTemplate: string | null
  config: ConfigFile
  /** generation_config.json */
  generation: ConfigFile | null
}

/** @throws tokenizer_unsupported, model_config_invalid */
export function tokenizerKeys(files: TokenizerFiles): [string, TypedValue][] {
  const { tokenizer, config } = files
  const model = tokenizer.object('model')
  if (model === null) throw tokenizer.fault('model', 'must be an object')
  if ((model.text('type') ?? 'BPE') !== 'BPE') throw unsupported(`The tokenizer is ${model.text('type')}`, 'model')
  for (const key of ['dropout', 'continuing_subword_prefix', 'end_of_word_suffix']) {
    if (model.raw(key)) throw unsupported(`The tokenizer asks for ${key}`, key)
  }
  const idOf = vocabulary(model)
  const types = new Map<number, number>()
  for (const added of tokenizer.list('added_tokens') ?? []) addToken(tokenizer, added, idOf, types)
  let size = 0
  for (const id of idOf.values()) size = Math.max(size, id + 1)
  if (new Set(idOf.values()).size !== idOf.size) throw tokenizer.fault('added_tokens', 'must not take the id of another token')
  // Gaps become tokens of their own: a few are usual, a hostile id must not make millions.
  if (size > 2 * idOf.size + 4096) throw tokenizer.fault('model', `names the id ${size - 1} among ${idOf.size} tokens`)
  if (size > config.integer('vocab_size', 1)) throw tokenizer.fault('model', `names ids up to ${size - 1}, beyond the embedding`)
  const tokens = Array.from({ length: size }, (_, id) => `[unused ${id}]`)
  const used = new Uint8Array(size)
  for (const [content, id] of idOf) {
    tokens[id] = content
    used[id] = 1
  }
  const typeOf = Int32Array.from(tokens, (_, id) => types.get(id) ?? (used[id] === 1 ? ordinary : unused))
  const keys = model.flag('byte_fallback')
    ? sentencePieceKeys({
        ...{ model, tokens, types: typeOf, merges: mergesOf(model) },
        normalizers: sequence(tokenizer.object('normalizer'), 'normalizers'),
        cuts: sequence(tokenizer.object('pre_tokenizer'), 'pretokenizers'),
      })
    : byteLevelKeys(tokenizer, model, tokens, typeOf)
  return [...keys, ...specialKeys(files, idOf, size), ...templateKeys(files)]
}

function byteLevelKeys(tokenizer: ConfigFile, model: ConfigFile, tokens: string[], types: Int32Array<ArrayBuffer>): [string, TypedValue][] {
  return [
    ['tokenizer.ggml.model', { text: 'gpt2' }],
    ['tokenizer.ggml.pre', { text: cutName(tokenizer, model) }],
    ['tokenizer.ggml.tokens', { texts: tokens }],
    ['tokenizer.ggml.token_type', { i32s: types }],
    ['tokenizer.ggml.merges', { texts: mergesOf(model) }],
  ]
}

function vocabulary(model: ConfigFile): Map<string, number> {
  const listed = model.object('vocab')
  if (listed === null) throw model.fault('vocab', 'must be an object')
  const idOf = new Map<string, number>()
  const taken = new Set<number>()
  for (const [content, id] of listed.entries()) {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0 || id >= 2 ** 24 || taken.has(id))
      throw listed.fault(content.slice(0, 40), 'must be an id of its own')
    taken.add(id)
    idOf.set(content, id)
  }
  return idOf
}

function addToken(tokenizer: ConfigFile, added: unknown, idOf: Map<string, number>, types: Map<number, number>): void {
  const token = isJson(added) ? new ConfigFile(tokenizer.file, added, 'added_tokens.') : null
  const content = token?.text('content') ?? null
  if (token === null || content === null) throw tokenizer.fault('added_tokens', 'must hold objects with their content')
  const id = token.integer('id', 0)
  if (id >= 2 ** 24) throw token.fault('id', 'must be below 2^24')
  const special = token.flag('special')
  // Such a word takes the spaces beside it along, or stands only between other characters.
  const odd = ['lstrip', 'rstrip', 'single_word'].find((key) => token.flag(key))
  if (odd !== undefined && !special) throw unsupported(`The added token ${content.slice(0, 40)} asks for ${odd}`, 'added_tokens')
  idOf.set(content, id)
  types.set(id, special ? control : userDefined)
}

function mergesOf(model: ConfigFile): string[] {
  return (model.list('merges') ?? []).map((merge) => {
    if (typeof merge === 'string') return merge
    if (Array.isArray(merge) && merge.length === 2 && merge.every((part) => typeof part === 'string')) return merge.join(' ')
    throw model.fault('merges', 'must hold pairs')
  })
}

/** The name of the known cut that this file's rules are. */
function cutName(tokenizer: ConfigFile, model: ConfigFile): string {
  const normalizer = tokenizer.object('normalizer')
  const nfc = normalizer?.text('type') === 'NFC'
  if (normalizer !== null && !nfc && !isEmptySequence(normalizer)) {
    throw unsupported(`The tokenizer's normalizer is ${normalizer.text('type')}`, 'normalizer')
  }
  const splits: string[] = []
  const steps = sequence(tokenizer.object('pre_tokenizer'), 'pretokenizers')
  const last = steps.pop()
  for (const step of steps) splits.push(splitOf(step))
  if (last?.text('type') !== 'ByteLevel' || last.flag('add_prefix_space')) throw unknownCut(last)
  if (last.raw('use_regex') !== false) splits.push(gpt2Split)
  const name = preTokenizerName({ splits, nfc, ignoreMerges: model.flag('ignore_merges') })
  if (name === null) throw unsupported(`The tokenizer cuts texts by ${shown(splits.at(-1))}`, 'pre_tokenizer')
  return name
}

function splitOf(step: ConfigFile): string {
  if (step.text('type') === 'Digits' && step.flag('individual_digits')) return cutOf.everyDigit
  const pattern = step.object('pattern')?.text('Regex') ?? null
  if (step.text('type') !== 'Split' || step.text('behavior') !== 'Isolated' || step.flag('invert') || pattern === null)
    throw unknownCut(step)
  return pattern
}

function unknownCut(step: ConfigFile | undefined): OpenChatError {
  return unsupported(`The tokenizer cuts texts by ${step === undefined ? 'nothing' : step.text('type')}`, 'pre_tokenizer')
}

function sequence(step: ConfigFile | null, key: string): ConfigFile[] {
  if (step === null) return []
  if (step.text('type') !== 'Sequence') return [step]
  return (step.list(key) ?? []).flatMap((inner) => {
    if (!isJson(inner)) throw step.fault(key, 'must hold objects')
    return sequence(new ConfigFile(step.file, inner, `${key}.`), key)
  })
}

function isEmptySequence(step: ConfigFile): boolean {
  return step.text('type') === 'Sequence' && (step.list('normalizers') ?? []).length === 0
}

/** Which tokens begin and end what, by the rules of transformers. */
function specialKeys(files: TokenizerFiles, idOf: Map<string, number>, size: number): [string, TypedValue][] {
  const { config, settings, generation } = files
  const named = (key: string): number | null => {
    const raw = settings?.raw(key)
    const content = isJson(raw) ? raw.content : raw
    return typeof content === 'string' ? (idOf.get(content) ?? null) : null
  }
  const first = firstToken(files.tokenizer, idOf)
  const bos = first ?? named('bos_token') ?? ids(config, 'bos_token_id', size)[0] ?? null
  const ends = generation?.raw('eos_token_id') === undefined ? ids(config, 'eos_token_id', size) : ids(generation, 'eos_token_id', size)
  const eos = named('eos_token') ?? ends[0] ?? null
  const others = ends.filter((id) => id !== eos)
  if (others.length > 2) throw (generation ?? config).fault('eos_token_id', 'must hold at most three ids')
  const keys: [string, TypedValue][] = []
  if (bos !== null) keys.push(['tokenizer.ggml.bos_token_id', { u32: bos }])
  if (eos !== null) keys.push(['tokenizer.ggml.eos_token_id', { u32: eos }])
  if (others[0] !== undefined) keys.push(['tokenizer.ggml.eot_token_id', { u32: others[0] }])
  if (others[1] !== undefined) keys.push(['tokenizer.ggml.eom_token_id', { u32: others[1] }])
  keys.push(['tokenizer.ggml.add_bos_token', { bool: first !== null }])
  return keys
}

function ids(file: ConfigFile, key: string, size: number): number[] {
  const raw = file.raw(key)
  const list = raw === undefined ? [] : Array.isArray(raw) ? raw : [raw]
  return list.map((id) => {
    if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < size) return id
    throw file.fault(key, 'must be ids of tokens')
  })
}

/** The token that the post-processor puts before every text; null for none. */
function firstToken(tokenizer: ConfigFile, idOf: Map<string, number>): number | null {
  const steps = sequence(tokenizer.object('post_processor'), 'processors')
  const template = steps.find((step) => step.text('type') === 'TemplateProcessing')
  if (template === undefined) return null
  const single = (template.list('single') ?? []) as Json[]
  const content = single.map((part) => (isJson(part) && isJson(part.SpecialToken) ? part.SpecialToken.id : null))
  // Nothing, or one token before the text; anything behind it would be lost.
  if (content.length === 1 && content[0] === null) return null
  const id = typeof content[0] === 'string' ? idOf.get(content[0]) : undefined
  if (content.length !== 2 || content[1] !== null || id === undefined)
    throw unsupported('The tokenizer surrounds a text by other than one token before it', 'post_processor')
  return id
}

function templateKeys({ settings, chatTemplate }: TokenizerFiles): [string, TypedValue][] {
  const raw = chatTemplate ?? settings?.raw('chat_template')
  const listed = Array.isArray(raw) ? raw.find((entry) => isJson(entry) && entry.name === 'default') : null
  const template = isJson(listed) ? listed.template : raw
  return typeof template === 'string' ? [['tokenizer.chat_template', { text: template }]] : []
}
