// Answers held to a shape: a JSON schema, any JSON, or a grammar, as the tokens that may come next. The automaton is xgrammar's,
// the one web-llm uses; it is loaded when the first request asks for a shape. Not a sampler: model/sampler.ts carries what is
// allowed into each draw, and the device or the CPU forbids the rest.
// Invariants: a format that cannot be compiled is a typed error, and harms no answer that is under way.
// xgrammar ends a failed compilation by aborting its wasm, which never gives the stack back: the 25th failure in one instance
// corrupts its memory (0.1.27, 2026-11). So one that failed takes no further format, and `load` gives a fresh one each time.
import { OpenChatError } from '../errors.ts'
import { byteCharacters } from './model/byte-level.ts'
import type { Constraint } from './model/sampler.ts'
import type { Tokenizer } from './model/tokenizer.ts'
import type { ResponseFormat } from './types.ts'

/** The part of `@mlc-ai/web-xgrammar` that is used. */
export type GrammarLibrary = Pick<typeof import('@mlc-ai/web-xgrammar'), 'Grammar' | 'GrammarCompiler' | 'GrammarMatcher' | 'TokenizerInfo'>

type Compiler = Awaited<ReturnType<GrammarLibrary['GrammarCompiler']['createGrammarCompiler']>>
type Matcher = Awaited<ReturnType<GrammarLibrary['GrammarMatcher']['createGrammarMatcher']>>
type Compiled = Awaited<ReturnType<Compiler['compileGrammar']>>

interface Instance {
  library: GrammarLibrary
  compiler: Compiler
  /** By the text of the format. */
  compiled: Map<string, Promise<Compiled>>
}

export interface GrammarsParts {
  tokenizer: Tokenizer
  /** Ids of the logits, of which the tokenizer may name fewer. */
  vocab: number
  eosIds: readonly number[]
  /** A fresh instance each time. */
  load: (() => Promise<GrammarLibrary>) | undefined
}

/** A constraint of one answer. */
export interface GrammarConstraint extends Constraint {
  /** Gives its memory back. */
  release(): void
}

export class Grammars {
  #parts: GrammarsParts
  #instance: Promise<Instance> | null = null

  constructor(parts: GrammarsParts) {
    this.#parts = parts
  }

  /** @throws grammar_unavailable, grammar_invalid */
  async constraint(format: ResponseFormat): Promise<GrammarConstraint> {
    const opening = (this.#instance ??= this.#open())
    let instance: Instance
    try {
      instance = await opening
    } catch (error) {
      if (this.#instance === opening) this.#instance = null
      throw error
    }
    const text = JSON.stringify(format)
    const compiling = instance.compiled.get(text) ?? compile(instance, format)
    instance.compiled.set(text, compiling)
    try {
      const matcher = await instance.library.GrammarMatcher.createGrammarMatcher(await compiling)
      return await GrammarAnswer.begin(matcher, this.#parts.vocab)
    } catch (cause) {
      if (this.#instance === opening) this.#instance = null
      throw invalid(format, cause)
    }
  }

  async #open(): Promise<Instance> {
    const { tokenizer, vocab, eosIds, load } = this.#parts
    try {
      if (load === undefined) throw new Error('No grammar library was given to the engine.')
      const library = await load()
      // Control tokens have no bytes, and so match nothing; the end ids come in by the automaton's own rule.
      const letters = (id: number) => Array.from(tokenizer.bytesOf(id), (byte) => byteCharacters[byte]).join('')
      const tokens = Array.from({ length: tokenizer.size }, (_, id) => letters(id))
      const about = await library.TokenizerInfo.createTokenizerInfo(tokens, 'byte_level', false, vocab, [...eosIds])
      return { library, compiler: await library.GrammarCompiler.createGrammarCompiler(about), compiled: new Map() }
    } catch (cause) {
      throw new OpenChatError('grammar_unavailable', 'What holds an answer to a format could not be loaded.', {
        action: 'Check the connection and ask again, or ask without a format.',
        cause,
      })
    }
  }
}

async function compile({ library, compiler }: Instance, format: ResponseFormat): Promise<Compiled> {
  const { Grammar } = library
  // Any whitespace would let a model that likes blanks fill its context with them.
  const spaces = [true, undefined, undefined, true, 2] as const
  if (format.type === 'json_object')
    return compiler.compileGrammar(await Grammar.fromJSONSchema('{"type":"object"}', true, undefined, undefined, false, 2))
  if (format.type === 'json_schema') return compiler.compileGrammar(await Grammar.fromJSONSchema(JSON.stringify(format.schema), ...spaces))
  return compiler.compileGrammar(await Grammar.fromEBNF(format.grammar))
}

class GrammarAnswer implements GrammarConstraint {
  allowed: Int32Array | null = null
  #matcher: Matcher
  #vocab: number

  static async begin(matcher: Matcher, vocab: number): Promise<GrammarAnswer> {
    const answer = new GrammarAnswer(matcher, vocab)
    await answer.#look()
    return answer
  }

  private constructor(matcher: Matcher, vocab: number) {
    this.#matcher = matcher
    this.#vocab = vocab
  }

  async accept(id: number): Promise<void> {
    if (!this.#matcher.acceptToken(id)) {
      throw new OpenChatError('internal_error', `Token ${id} was drawn against the format of the answer.`, { meta: { id } })
    }
    if (!this.#matcher.isTerminated()) await this.#look()
  }

  release(): void {
    this.#matcher.dispose()
  }

  async #look(): Promise<void> {
    const mask = await this.#matcher.getNextTokenBitmask()
    if (mask.length !== Math.ceil(this.#vocab / 32)) {
      throw new OpenChatError('internal_error', `The mask of a format has ${mask.length} words for ${this.#vocab} tokens.`)
    }
    this.allowed = mask
  }
}

function invalid(format: ResponseFormat, cause: unknown): OpenChatError {
  if (cause instanceof OpenChatError) return cause
  const what = format.type === 'grammar' ? 'This grammar' : 'This JSON schema'
  return new OpenChatError('grammar_invalid', `${what} cannot be compiled, so no answer can be held to it.`, {
    meta: { type: format.type },
    action: 'Check it: every $ref must be defined in it, every type must be one of JSON’s, and patterns know no look-around.',
    cause,
  })
}
