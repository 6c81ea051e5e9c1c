// What a file is, by its first bytes before its name: a wrong ending misleads nobody, and what cannot be read is named.
import { toHex } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'
import type { IntakeFormat } from '../intake-types.ts'
import { decodePieces, readBytes, sniffEncoding } from './decode.ts'

const ascii = (bytes: Uint8Array): string => String.fromCharCode(...bytes)

/** First bytes, in hex, of what is often dropped and holds no text that is read here. */
const OTHERS: [RegExp, string][] = [
  [/^(?:89504e47|ffd8ff|47494638|52494646.{8}57454250|49492a00|4d4d002a|424d.{8}00000000)/, 'a picture'],
  [/^(?:494433|fff[b32]|4f676753|664c6143|52494646.{8}57415645|.{8}66747970|1a45dfa3)/, 'sound or film'],
  [/^(?:1f8b|425a68|fd377a58|377abcaf|52617221|28b52ffd)/, 'an archive of a kind that is not opened here; unpack it first'],
  [/^(?:7f454c46|4d5a90|cafebabe|cffaedfe|0061736d)/, 'a program'],
  [/^d0cf11e0/, 'an old Office document; save it as text or PDF first'],
  [/^53514c69746520666f726d61742033/, 'a database'],
  [/^47475546/, 'a language model; it belongs under Models'],
  [/^7b5c727466/, 'a rich-text document; save it as text or PDF first'],
]
const ZIP = /^504b(?:0304|0506)/
const ENDINGS: [RegExp, IntakeFormat][] = [
  [/\.(?:md|markdown|mdx)$/i, 'markdown'],
  [/\.(?:html?|xhtml)$/i, 'html'],
  [/\.(?:jsonl|ndjson)$/i, 'jsonl'],
  [/\.json$/i, 'json'],
  [/\.(?:csv|tsv|tab)$/i, 'csv'],
]

function unsupported(what: string): OpenChatError {
  return new OpenChatError('file_type_unsupported', `This file is ${what}.`, {
    meta: { what },
    action: 'Bring text, Markdown, HTML, PDF, JSONL, CSV, Parquet or a .zip of them.',
  })
}

/** @throws file_type_unsupported, contribution_empty, contribution_binary */
export async function sniffFormat(name: string, blob: Blob): Promise<IntakeFormat> {
  const head = await readBytes(blob, 0, 1024)
  const start = ascii(head)
  if (start.startsWith('PAR1')) return 'parquet'
  if (/^\s{0,16}%PDF-/.test(start) || (/\.pdf$/i.test(name) && start.includes('%PDF-'))) return 'pdf'
  const magic = toHex(head.subarray(0, 16)).slice(2)
  if (ZIP.test(magic)) {
    if (/word\/|xl\/|ppt\/|\[Content_Types\]\.xml|mimetypeapplication\//.test(start))
      throw unsupported('an Office document; save it as text or PDF first')
    return 'zip'
  }
  for (const [first, what] of OTHERS) if (first.test(magic)) throw unsupported(what)
  return sniffText(name, blob)
}

async function sniffText(name: string, blob: Blob): Promise<IntakeFormat> {
  const encoding = await sniffEncoding(blob)
  let text = ''
  for await (const piece of decodePieces(blob.slice(0, 65_536), encoding, new AbortController().signal)) text += piece.text
  const trimmed = text.trimStart()
  if (/^(?:<!--[\s\S]{0,2000}?-->\s*)?(?:<!doctype html|<html[\s>])/i.test(trimmed)) return 'html'
  const named = ENDINGS.find(([ending]) => ending.test(name))?.[1] ?? 'text'
  const json = looksLikeJson(trimmed)
  if (named === 'json' || named === 'jsonl') return json ?? named
  // Prose may begin with a brace; only lines that are objects by themselves are taken for data against the name.
  return named === 'text' && json === 'jsonl' ? 'jsonl' : named
}

/** JSON lines when the first line is an object by itself and more follow; JSON when the whole begins like one. */
function looksLikeJson(text: string): 'json' | 'jsonl' | null {
  if (!/^[{[]/.test(text)) return null
  const newline = text.indexOf('\n')
  const first = (newline < 0 ? text : text.slice(0, newline)).trim()
  if (!first.startsWith('{')) return 'json'
  // One line, or the beginning of one that is longer than the sample.
  if (newline < 0) return /^\{\s*"/.test(first) ? 'jsonl' : null
  if (!first.endsWith('}')) return 'json'
  try {
    JSON.parse(first)
    return 'jsonl'
  } catch {
    return 'json'
  }
}
