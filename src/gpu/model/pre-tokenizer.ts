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

/** Of byte-level BPE by default; ByteLevel itself makes this cut where it is asked to. */
export const gpt2Split = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
const cl100k = (numbers: string) =>
  `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${numbers}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
const [upper, lower] = ['[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]', '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]']
const any = '[^\\r\\n\\p{L}\\p{N}]?'

export const cutOf = {
  everyDigit: '\\p{N}',
  llama3: cl100k('\\p{N}{1,3}'),
  qwen2: cl100k('\\p{N}'),
  /** Mistral's: a word begins where a capital follows a small letter. */
  tekken: `${any}${upper}*${lower}+|${any}${upper}+${lower}*|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
} as const

const llama3: PreTokenizer = { splits: [cutOf.llama3], ignoreMerges: true, nfc: false }
const qwen2: PreTokenizer = { splits: [cutOf.qwen2], ignoreMerges: false, nfc: true }

const byName: Readonly<Record<string, PreTokenizer>> = {
  'gpt-2': { splits: [gpt2Split], ignoreMerges: false, nfc: false },
  default: { splits: [gpt2Split], ignoreMerges: false, nfc: false },
  smollm: { splits: [cutOf.everyDigit, gpt2Split], ignoreMerges: false, nfc: false },
  'llama-bpe': llama3,
  qwen2,
  // R1's distillation into Qwen kept Qwen's tokenizer under another name.
  'deepseek-r1-qwen': qwen2,
  tekken: { splits: [cutOf.tekken], ignoreMerges: true, nfc: false },
}

/** The name under which a rule is known; null when it is not. */
export function preTokenizerName(rule: PreTokenizer): string | null {
  const text = JSON.stringify([rule.splits, rule.ignoreMerges, rule.nfc])
  return (
    Object.entries(byName).find(([, { splits, ignoreMerges, nfc }]) => JSON.stringify([splits, ignoreMerges, nfc]) === text)?.[0] ?? null
  )
}

/** @throws tokenizer_unsupported when the name is not known: a wrong cut gives other ids for the same words. */
export function preTokenizer(name: string): PreTokenizer {
  if (Object.hasOwn(byName, name)) return byName[name]
  throw new OpenChatError(
    'tokenizer_unsupported',
    `The file's pre-tokenizer is ${name.slice(0, 40)}; known are ${Object.keys(byName).join(', ')}.`,
    {
      meta: { pre: name.slice(0, 40) },
      action: 'Choose a model of the SmolLM, Llama 3, Mistral Nemo or Qwen2 family.',
    },
  )
}
