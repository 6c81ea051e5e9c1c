// A fake intake for the page's specs and for work on its looks: reads texts whole, on this thread, and finds e-mail addresses
// and nothing else. What it keeps true: the order of events, masks that come and go, counts that follow them.
// A file named *.bad is refused; a text with "copied" is a near copy of the navy speech; one with "pause" is read until it is stopped.
import { OpenChatError } from '../../errors.ts'
import type { IntakeDocument, IntakeEvent, IntakePii, IntakeService, IntakeTotals } from '../services.ts'

interface Held {
  document: IntakeDocument
  text: string
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const stopped = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }))
const WEI_PER_TOKEN = 10n ** 12n

function published({ document, text }: Held): string {
  let out = ''
  let at = 0
  for (const { from, to, token, masked } of document.pii) {
    if (!masked) continue
    out += text.slice(at, from) + token
    at = to
  }
  return out + text.slice(at)
}

function emails(text: string): IntakePii[] {
  return [...text.matchAll(/[\w.+-]+@[\w-]+\.[\w.]+\w/g)].map(({ 0: found, index }, id) => ({
    id,
    kind: 'email',
    from: index,
    to: index + found.length,
    text: found,
    token: '[EMAIL]',
    masked: true,
  }))
}

function held(id: string, file: string, raw: string): Held {
  const text = raw.trim()
  const pii = emails(text)
  const title = file.replace(/^.*\//, '').replace(/\.\w+$/, '')
  const document: IntakeDocument = {
    id,
    file,
    name: file,
    format: file.endsWith('.pdf') ? 'pdf' : file.endsWith('.md') ? 'markdown' : 'text',
    characters: 0,
    tokens: 0,
    language: text.length > 40 ? { code: 'eng', name: 'English', confidence: 0.9 } : null,
    excerpt: '',
    changes: text === raw ? [] : ['Blanks at line ends and empty lines were trimmed.'],
    pii,
    piiFound: pii.length,
    piiMasked: pii.length,
    duplicates: /\bcopied\b/.test(text)
      ? [
          {
            datanet: '1',
            document: '0',
            title: 'State of the Union 1915',
            author: 'Woodrow Wilson',
            share: 0.62,
            similarity: 0.8,
            sample: 'We have always looked to the navy of the country as our first and chief line of defense.',
          },
        ]
      : [],
    flags: text.length < 200 ? [{ code: 'too_short', sentence: 'The text is short: little of it can be credited.' }] : [],
    title,
    author: null,
    year: null,
    expectedStake: 0n,
    accepted: true,
  }
  return recount({ document, text })
}

function recount(entry: Held): Held {
  const text = published(entry)
  const tokens = text.split(/\s+/).length
  Object.assign(entry.document, {
    characters: text.length,
    tokens,
    excerpt: text.slice(0, 280),
    piiMasked: entry.document.pii.filter(({ masked }) => masked).length,
    expectedStake: BigInt(tokens) * WEI_PER_TOKEN,
  })
  return entry
}

export function fakeIntake(): IntakeService {
  let entries: Held[] = []
  let refused = 0
  let made = 0
  const files = new Set<string>()
  const find = (id: string): Held => {
    const found = entries.find(({ document }) => document.id === id)
    if (found !== undefined) return found
    throw new OpenChatError('intake_unknown', `No document ${id} was brought.`, { action: 'Choose the file again.' })
  }
  const copy = ({ document }: Held): IntakeDocument => structuredClone(document)
  const totals = (): IntakeTotals => {
    const accepted = entries.map(({ document }) => document).filter((document) => document.accepted)
    const sum = (of: (document: IntakeDocument) => number) => accepted.reduce((total, document) => total + of(document), 0)
    return {
      files: files.size,
      refused,
      documents: accepted.length,
      characters: sum((d) => d.characters),
      tokens: sum((d) => d.tokens),
      piiFound: sum((d) => d.piiFound),
      piiMasked: sum((d) => d.piiMasked),
      expectedStake: accepted.reduce((total, d) => total + d.expectedStake, 0n),
      comparedWith: ['1'],
    }
  }
  return {
    async *examine(source, options, signal): AsyncGenerator<IntakeEvent> {
      const brought = 'text' in source ? [{ name: source.name ?? 'Pasted text', blob: new Blob([source.text]) }] : source.files
      for (const brings of brought) {
        signal.throwIfAborted()
        const file = ('path' in brings && brings.path) || brings.name
        files.add(file)
        const text = await brings.blob.text()
        yield { type: 'progress', file, doneBytes: 0, totalBytes: brings.blob.size, documents: 0 }
        await (text.includes('pause') ? stopped(signal) : pause(20))
        if (file.endsWith('.bad') || text.includes('\0') || text.trim() === '') {
          refused++
          const error =
            text.trim() === ''
              ? new OpenChatError('contribution_empty', 'The file is empty.', { action: 'Choose another file.' })
              : new OpenChatError('contribution_binary', 'This is not text.', { action: 'Choose a text file.' })
          yield { type: 'refused', file, error }
          continue
        }
        const entry = held(String(made++), file, text)
        for (const finding of entry.document.pii) finding.masked = !options.unmasked?.includes(finding.kind)
        entries.push(recount(entry))
        yield { type: 'documents', documents: [copy(entry)] }
        yield { type: 'progress', file, doneBytes: brings.blob.size, totalBytes: brings.blob.size, documents: 1 }
      }
      yield { type: 'done', totals: totals() }
    },
    documents: async (offset, limit) => ({ total: entries.length, documents: entries.slice(offset, offset + limit).map(copy) }),
    totals: async () => totals(),
    async mask(document, findings, masked) {
      const entry = find(document)
      for (const finding of entry.document.pii) if (findings === 'all' || findings.includes(finding.id)) finding.masked = masked
      return copy(recount(entry))
    },
    async maskKind(kind, masked) {
      for (const entry of entries) {
        for (const finding of entry.document.pii) if (finding.kind === kind) finding.masked = masked
        recount(entry)
      }
      return totals()
    },
    async describe(document, facts) {
      const entry = find(document)
      Object.assign(entry.document, facts)
      return copy(entry)
    },
    async text(document, from, to) {
      const { text, document: found } = find(document)
      return { text: text.slice(from, to), length: text.length, pii: found.pii.filter((p) => p.from < to && p.to > from) }
    },
    async drop(document, dropped = true) {
      const entry = find(document)
      entry.document.accepted = !dropped
      return copy(entry)
    },
    async *batches({ author, licence }) {
      const documents = entries
        .filter(({ document }) => document.accepted)
        .map((entry) => {
          const { id, title, year, tokens, author: own } = entry.document
          return {
            id,
            facts: { author: own ?? author, licence, title, year },
            text: published(entry),
            tokens: new Uint16Array(tokens).fill(1),
          }
        })
      if (documents.length === 0) return
      const size = (sum: number, { text }: { text: string }) => sum + text.length
      yield { documents, bytes: documents.reduce(size, 0), tokens: documents.reduce((sum, { tokens }) => sum + tokens.length, 0) }
    },
    async release() {
      entries = []
      files.clear()
      refused = 0
    },
  }
}
