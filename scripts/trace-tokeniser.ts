// The tokeniser of an index, for the command line: the vocabulary of a GGUF file, or bytes for an 8-bit index.
// Not the page's (its worker holds one). Invariant: text is brought to NFC before it is tokenised, as documents were.
import { existsSync, readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { type BoundarySets, boundarySets } from '../src/attribution/boundaries.ts'
import type { TokenWidth } from '../src/attribution/index/token-order.ts'
import { tokenizerDigest } from '../src/attribution/parameters.ts'
import type { Hex } from '../src/attribution/types.ts'
import { OpenChatError } from '../src/errors.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { tokenBytes } from '../src/gpu/model/byte-level.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'

export interface Tokeniser {
  digest: Hex
  encode(text: string): number[]
  /** UTF-8 bytes that a token stands for. */
  bytesOf(token: number): Uint8Array
  boundaries(): BoundarySets
}

/** Tokens that are bytes. @throws model_unavailable, gguf_invalid, tokenizer_unsupported */
export async function tokeniserOf(path: string | undefined, width: TokenWidth): Promise<Tokeniser> {
  if (path === undefined && width === 1) return byteTokeniser()
  return vocabularyTokeniser(path ?? defaultModel())
}

function byteTokeniser(): Tokeniser {
  const texts = Array.from({ length: 0x100 }, (_, byte) => new TextDecoder().decode(Uint8Array.of(byte)))
  return {
    digest: tokenizerDigest([], []),
    encode: (text) => Array.from(new TextEncoder().encode(text.normalize('NFC'))),
    bytesOf: (token) => Uint8Array.of(token),
    boundaries: () => boundarySets(texts),
  }
}

async function vocabularyTokeniser(path: string): Promise<Tokeniser> {
  const file = await open(path).catch((cause: unknown) => {
    throw new OpenChatError('model_unavailable', `"${basename(path)}" cannot be read.`, {
      action: 'Check the path given to --tokenizer.',
      cause,
    })
  })
  try {
    const { size } = await file.stat()
    const gguf = await readGguf({
      bytes: size,
      read: async (offset, length) => {
        const { bytesRead, buffer } = await file.read(new Uint8Array(length), 0, length, offset)
        if (bytesRead < length) throw new OpenChatError('file_truncated', `"${basename(path)}" ends at ${offset + bytesRead} bytes.`)
        return buffer
      },
    })
    const tokenizer = createTokenizer(gguf)
    const tokens = stringsOf(gguf.metadata.get('tokenizer.ggml.tokens'))
    return {
      digest: tokenizerDigest(tokens, stringsOf(gguf.metadata.get('tokenizer.ggml.merges'))),
      encode: (text) => tokenizer.encode(text.normalize('NFC')),
      bytesOf: (token) => (tokenizer.controls.has(token) ? new Uint8Array() : tokenBytes(tokens[token])),
      boundaries: () => boundarySets(tokens.map((_, token) => tokenizer.decode([token]))),
    }
  } finally {
    await file.close()
  }
}

/** The default backbone where set-up keeps it, or in the folder named by OPEN_CHAT_MODELS. */
function defaultModel(): string {
  const root = resolve(import.meta.dirname, '..')
  const catalogue: { models: { sha256: string; file: string }[] } = JSON.parse(readFileSync(join(root, 'public', 'catalogue.json'), 'utf8'))
  const { sha256, file } = catalogue.models[0]
  const state = process.env.OPEN_CHAT_STATE ?? join(root, '.open-chat')
  const given = process.env.OPEN_CHAT_MODELS
  const candidates = [join(state, 'models', `${sha256}.gguf`), ...(given ? [join(given, file), join(given, `${sha256}.gguf`)] : [])]
  const found = candidates.find((path) => existsSync(path))
  if (found === undefined)
    throw new OpenChatError('model_unavailable', 'The default tokeniser is not here yet.', {
      action: 'Run npm start once, or name a file with --tokenizer MODEL.gguf.',
    })
  return found
}

function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : []
}
