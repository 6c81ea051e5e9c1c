// OpenZeppelin's contracts as documents of the *contract security* datanet: each declaration as its signature with its NatSpec,
// then its body. Not a Solidity parser: it knows comments, strings, braces and where a declaration ends.
// Invariants: one document a file, by path; comments' decoration and `@dev` are gone, words and code are the file's, with single
// spaces; contributions are the library's folders. Files without a paragraph of NatSpec (re-exports) are left out.
// Source: @openzeppelin/contracts 5.7.0 (MIT).
import { OpenChatError } from '../src/errors.ts'
import type { SeedDocument } from './seed-build.ts'
import { joined } from './seed-paragraphs.ts'
import { tarballFiles } from './seed-tarball.ts'

/** Fewer words of NatSpec than this say nothing. */
const LEAST_WORDS = 40
const SKIPPED = /^(?:pragma|import|using)\b/u

/** Documents by folder, then path. @throws seed_invalid when the archive is not the expected one */
export async function readContracts(tarball: string): Promise<SeedDocument[]> {
  const documents: (SeedDocument & { path: string })[] = []
  let files = 0
  for await (const { name, bytes } of tarballFiles(tarball)) {
    const path = /^package\/(.+\.sol)$/u.exec(name)?.[1]
    if (path === undefined) continue
    files++
    const { text, words } = readSolidity(new TextDecoder().decode(bytes))
    if (words < LEAST_WORDS) continue
    const stem = path.split('/').at(-1)?.slice(0, -4)
    const author = `OpenZeppelin ${path.split('/').slice(0, -1).slice(0, 2).join('/')}`
    documents.push({ path, author, licence: 'MIT', title: `${stem} (${path})`, year: null, text })
  }
  if (files !== 248) {
    throw new OpenChatError('seed_invalid', `The seed package holds ${files} contracts, expected 248.`, {
      action: 'Delete the packages folder of the state folder, then start again.',
    })
  }
  const by = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
  documents.sort((a, b) => by(a.author, b.author) || by(a.path, b.path))
  return documents.map(({ path: _, ...document }) => document)
}

/** A file as text, and how many words of NatSpec it holds. */
export function readSolidity(source: string): { text: string; words: number } {
  const parts: string[] = []
  let words = 0
  let comment: string[] = []
  for (const piece of piecesOf(source)) {
    if (piece.kind === 'natspec') {
      comment = natspecParagraphs(piece.text)
      continue
    }
    if (piece.kind === 'declaration' && !SKIPPED.test(piece.signature)) {
      const [first = '', ...rest] = comment
      words += comment.join(' ').split(' ').length
      const signature = piece.signature.replace(/\s+/gu, ' ').trim()
      parts.push(first === '' ? signature : `${signature}: ${first}`, ...rest, piece.body)
    }
    comment = []
  }
  return { text: joined(parts), words }
}

type Piece = { kind: 'natspec'; text: string } | { kind: 'declaration'; signature: string; body: string } | { kind: 'end' }

/** Comments with two stars or three strokes, and declarations; the inside of a contract is read as if it stood outside. */
function* piecesOf(source: string): Generator<Piece> {
  let at = 0
  let signature = ''
  while (at < source.length) {
    const rest = source.slice(at)
    const comment = /^\/\*[\s\S]*?\*\/|^\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*/u.exec(rest)?.[0]
    if (comment !== undefined) {
      at += comment.length
      if (signature.trim() === '' && /^(?:\/\*\*|\/\/\/)/u.test(comment)) yield { kind: 'natspec', text: comment }
      continue
    }
    const quoted = /^"(?:[^"\\\n]|\\.)*"|^'(?:[^'\\\n]|\\.)*'/u.exec(rest)?.[0]
    const mark = source[at] as string
    at += quoted?.length ?? 1
    if (quoted !== undefined || !';{}'.includes(mark)) signature += quoted ?? mark
    else if (mark === '}') signature = ''
    else if (mark === '{' && /\b(?:contract|library|interface)\s+\w+[^()]*$/u.test(signature)) {
      yield { kind: 'declaration', signature, body: '' }
      signature = ''
    } else {
      const isImport = /^\s*import\b/u.test(signature)
      const end = mark === '{' ? closing(source, at) : at
      if (!isImport) yield { kind: 'declaration', signature: signature.trim(), body: bodyOf(source.slice(at - 1, end), mark) }
      // `import {A} from "b";` goes on after its braces.
      signature = isImport && mark === '{' ? signature : ''
      at = end
    }
  }
}

/** Index after the brace that closes the one before `from`; strings and comments are skipped. */
function closing(source: string, from: number): number {
  const marks = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|[{}]/gu
  marks.lastIndex = from
  let depth = 1
  for (let match = marks.exec(source); match !== null; match = marks.exec(source)) {
    if (match[0] === '{') depth++
    else if (match[0] === '}' && --depth === 0) return marks.lastIndex
  }
  return source.length
}

/** The braces and what they hold; a comment to the end of a line would swallow the rest of it. */
const bodyOf = (code: string, mark: string): string =>
  mark === ';' ? '' : code.replace(/\/\/[^\n]*(?:\n[ \t]*\/\/[^\n]*)*/gu, (run) => `/*${run.replace(/\n?[ \t]*\/\/+/gu, '')} */`)

/** Paragraphs of a NatSpec comment without its stars and tags that only name the kind of text. */
function natspecParagraphs(comment: string): string[] {
  const lines = comment
    .replace(/^\/\*\*|\*\/$/gu, '')
    .split('\n')
    .map((line) => line.replace(/^\s*(?:\*|\/\/\/)\s?/u, '').trimEnd())
  const out: string[] = []
  let open = ''
  for (const line of lines) {
    if (line.trim() === '' || /^\s*(?:[-*]\s|\d+\.\s|@|```|\[)/u.test(line)) {
      out.push(open)
      open = ''
    }
    if (/^\s*(?:@inheritdoc|@custom|\[\.|```|====)/u.test(line)) continue
    open += ` ${line.replace(/^\s*@(?:dev|notice)\s?/u, '').replace(/\{([\w.]+(?:-[\w-]+)?)\}/gu, '$1')}`
  }
  return [...out, open].map((part) => part.replace(/\s+/gu, ' ').trim()).filter((part) => part !== '')
}
