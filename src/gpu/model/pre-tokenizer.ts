// How a text is cut before byte-pair merging, by the name a GGUF file gives (`tokenizer.ggml.pre`). Not the merging itself.
// The expressions are spelled in the regex dialect of the tokenizers library, which translates `\s` and `\p{N}` for JavaScript.
// Source: the `tokenizer.json` of each family; smollm is Digits(individual) then ByteLevel, written as a split at every \p{N}
// because the library's Digits knows only 0–9 while the original counts every Unicode number.
import { OpenChatError } from '../../errors.ts'

export interface PreTokenizer {
  /** Splits applied one after another; each keeps both matches and what lies between. */
  splits: string[]
  /** A piece that is a token as it stands is not merged piecewise. */
  ignoreMerges: boolean
  /** Text is brought to NFC first. */
  nfc: boolean
}

const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
const cl100k = (numbers: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`

const byName: Readonly<Record<string, PreTokenizer>> = {
  default: { splits: [gpt2], ignoreMerges: false, nfc: false },
  'gpt-2': { splits: [gpt2], ignoreMerges: false, nfc: false },
  smollm: { splits: ['\\p{N}', gpt2], ignoreMerges: false, nfc: false },
  'llama-bpe': { splits: [cl100k('\\p{N}{1,3}')], ignoreMerges: true, nfc: false },
  qwen2: { splits: [cl100k('\\p{N}')], ignoreMerges: false, nfc: true },
}

/** @throws tokenizer_unsupported when the name is not known: a wrong cut gives other ids for the same words. */
export function preTokenizer(name: string): PreTokenizer {
  if (Object.hasOwn(byName, name)) return byName[name]
  throw new OpenChatError(
    'tokenizer_unsupported',
    `The file's pre-tokenizer is ${name.slice(0, 40)}; known are ${Object.keys(byName).join(', ')}.`,
    {
      meta: { pre: name.slice(0, 40) },
      action: 'Choose a model of the SmolLM, Llama 3 or Qwen2 family.',
    },
  )
}
