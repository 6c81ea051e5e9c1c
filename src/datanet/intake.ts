// The intake: files in, documents out that are clean, masked, compared and counted, and in the end batches that can be
// contributed. Reading top to bottom explains it: sniff → read → clean → find and mask → tokens → language → likeness → flags.
// Nothing is sent anywhere here. Not the worker (workers/datanet.worker.ts), not the contribution (wallet/contribute.ts).
// Invariants: no file is whole in memory, and of the documents only what is said about them; what is wrong with one file ends
// that file alone; a batch holds what the person last saw of each document.
import type { DocumentFacts } from '../attribution/contributions.ts'
import { utf8 } from '../attribution/words.ts'
import { asOpenChatError, OpenChatError, toWire } from '../errors.ts'
import { Brought } from './brought.ts'
import { cleanText } from './clean.ts'
import type { PdfHost } from './formats/pdf.ts'
import type { RawDocument } from './formats/raw-document.ts'
import { readDocuments } from './formats/read.ts'
import { sniffFormat } from './formats/sniff.ts'
import { isLitter, LARGEST_ARCHIVE, readEntries, unpack } from './formats/zip.ts'
import type {
  IntakeBatch,
  IntakeDocument,
  IntakeFlag,
  IntakeFormat,
  IntakeOptions,
  IntakePii,
  IntakeReport,
  IntakeSource,
  IntakeTotals,
  PiiKind,
} from './intake-types.ts'
import { withoutInvisible } from './invisible.ts'
import { languagesIn } from './language.ts'
import { Masks } from './mask.ts'
import type { Detector } from './pii/finding.ts'
import { qualityFlags } from './quality.ts'
import { type Likeness, NearDuplicates } from './similar/near-duplicates.ts'
import { ownCopy, SpilledTexts, type SpillFile } from './spill.ts'
import { type Encode, tokensOf } from './tokens.ts'

export interface IntakePorts {
  /** The index tokeniser. */
  encode: Encode
  words(tokens: Uint16Array): string
  /** The token that stands for one in every letters' case. */
  fold(token: number): number
  find: Detector
  /** Where texts wait. */
  spill: SpillFile
  pdfHost(): PdfHost
}

interface File {
  name: string
  blob: Blob
}

/** Documents that are told at once. */
const TOLD_AT_ONCE = 20
const MOST_DOCUMENTS = 20_000
const COPIED = 0.5

export class Intake {
  readonly #ports: IntakePorts
  readonly #texts: SpilledTexts
  readonly #others: NearDuplicates
  readonly #learned = new Map<string, number>()
  #own: NearDuplicates
  #brought: Brought[] = []
  #files = 0
  #refused = 0

  constructor(ports: IntakePorts) {
    this.#ports = ports
    this.#texts = new SpilledTexts(ports.spill)
    this.#others = new NearDuplicates(ports.fold, ports.words)
    this.#own = new NearDuplicates(ports.fold, ports.words, 1 << 19)
  }

  /** How many documents of each datanet new ones are compared with. */
  known(): Record<string, number> {
    return Object.fromEntries(this.#learned)
  }

  /** Takes documents of a datanet, in their order, to compare new ones with. */
  learn(datanet: string, documents: readonly { document: number; title: string; author: string; tokens: Uint16Array }[]): void {
    const known = this.#learned.get(datanet) ?? 0
    for (const { document, title, author, tokens } of documents) {
      if (document >= known) this.#others.add({ datanet, document: String(document), title, author }, tokens)
    }
    this.#learned.set(datanet, Math.max(known, ...documents.map(({ document }) => document + 1)))
  }

  /** @throws intake_too_many_documents; cancellation as the signal's reason */
  async *examine(source: IntakeSource, options: IntakeOptions, signal: AbortSignal): AsyncGenerator<IntakeReport> {
    const files =
      'text' in source
        ? [{ name: source.name ?? 'Pasted text', blob: new Blob([source.text]) }]
        : source.files.map(({ name, path, blob }) => ({ name: path ?? name, blob }))
    const format = 'text' in source ? 'text' : undefined
    for (const file of files) if (!isLitter(file.name)) yield* this.#guarded(file, () => this.#file(file, options, signal, format), signal)
    yield { type: 'done', totals: this.totals() }
  }

  /** Runs the reading of one file; its failure is a report, cancellation and a full intake are not. */
  async *#guarded({ name }: File, read: () => AsyncGenerator<IntakeReport>, signal: AbortSignal): AsyncGenerator<IntakeReport> {
    this.#files++
    try {
      yield* read()
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      if (signal.aborted || error.code === 'intake_too_many_documents') throw thrown
      this.#refused++
      yield { type: 'refused', file: name, error: toWire(error) }
    }
  }

  async *#file(file: File, options: IntakeOptions, signal: AbortSignal, known?: IntakeFormat): AsyncGenerator<IntakeReport> {
    signal.throwIfAborted()
    yield { type: 'progress', file: file.name, doneBytes: 0, totalBytes: file.blob.size, documents: this.#brought.length }
    const format = known ?? (await sniffFormat(file.name, file.blob))
    if (format === 'zip') return yield* this.#archive(file, options, signal)
    yield* this.#documents(file, format, options, signal)
  }

  async *#archive(file: File, options: IntakeOptions, signal: AbortSignal): AsyncGenerator<IntakeReport> {
    let budget = LARGEST_ARCHIVE
    for (const entry of await readEntries(file.blob)) {
      if (isLitter(entry.name)) continue
      const inner = { name: `${file.name}/${entry.name}` }
      const read = async function* (this: Intake): AsyncGenerator<IntakeReport> {
        const blob = await unpack(file.blob, entry, budget, signal)
        budget -= blob.size
        const format = await sniffFormat(entry.name, blob)
        if (format === 'zip') {
          throw new OpenChatError('file_type_unsupported', 'An archive within an archive is not opened.', { action: 'Unpack it first.' })
        }
        yield* this.#documents({ ...inner, blob }, format, options, signal)
      }
      yield* this.#guarded({ ...inner, blob: file.blob }, read.bind(this), signal)
    }
  }

  async *#documents(
    file: File,
    format: Exclude<IntakeFormat, 'zip'>,
    options: IntakeOptions,
    signal: AbortSignal,
  ): AsyncGenerator<IntakeReport> {
    const { name, blob } = file
    let waiting: IntakeDocument[] = []
    let taken = 0
    const skipped: OpenChatError[] = []
    let left = 0
    const read = { textField: options.textFields?.[name], rows: options.rows ?? 'auto', pdfHost: this.#ports.pdfHost } as const
    for await (const event of readDocuments(blob, format, read, signal)) {
      if (event.type === 'fields') yield { ...event, file: name }
      else if (event.type === 'at') {
        if (waiting.length > 0) yield { type: 'documents', documents: waiting }
        waiting = []
        yield { type: 'progress', file: name, doneBytes: event.doneBytes, totalBytes: blob.size, documents: this.#brought.length }
      } else {
        try {
          waiting.push(this.#take(name, format, event.document, options))
          taken++
        } catch (thrown) {
          const first = asOpenChatError(thrown)
          if (!first.code.startsWith('contribution_')) throw thrown
          left++
          if (skipped.length === 0) skipped.push(first)
        }
        if (waiting.length < TOLD_AT_ONCE) continue
        yield { type: 'documents', documents: waiting }
        waiting = []
      }
    }
    if (waiting.length > 0) yield { type: 'documents', documents: waiting }
    const [first] = skipped
    if (taken === 0) throw first ?? empty()
    if (first !== undefined) yield { type: 'skipped', file: name, count: left, sentence: first.shortMessage }
  }

  /** One document through everything. @throws storage_full, contribution_empty, contribution_too_large, contribution_binary, intake_too_many_documents */
  #take(file: string, format: IntakeFormat, raw: RawDocument, options: IntakeOptions): IntakeDocument {
    if (this.#brought.length === MOST_DOCUMENTS) {
      throw new OpenChatError('intake_too_many_documents', `More than ${MOST_DOCUMENTS} documents were brought at once.`, {
        meta: { limit: MOST_DOCUMENTS },
        action: 'Contribute these first, or group the rows of tables.',
      })
    }
    const { text, changes } = cleanText(raw.text)
    const masks = new Masks(this.#ports.find(text), options.unmasked)
    const published = masks.apply(text)
    const tokens = tokensOf(published, this.#ports.encode)
    const { language, certain } = languagesIn(published)
    const id = String(this.#brought.length)
    const { title, author, said } = this.#named(line(raw.title) ?? titleOf(file, raw.label), line(raw.author), options)
    const likeness = this.#compare(tokens)
    // Before anything remembers it: a text that found no room was never here.
    const handle = this.#texts.put(text)
    this.#own.add({ datanet: null, document: id, title, author: author ?? '' }, tokens)
    const flags = [...raw.flags, ...copyFlags(likeness), ...qualityFlags(published, certain, language !== null)]
    const document = new Brought(
      {
        id,
        file,
        name: raw.label === '' ? file : `${file}, ${raw.label}`,
        format,
        tokens: tokens.length,
        language,
        changes: [...raw.notes, ...changes, ...said],
        duplicates: likeness.duplicates,
        flags,
        title,
        author,
        year: raw.year,
        // The same text again brings nobody anything; whoever wants it takes it back.
        accepted: !likeness.exact,
      },
      masks,
      handle,
      published,
    )
    this.#brought.push(document)
    return document.summary(text)
  }

  /**
   * The names that a file gives itself are published beside its text, so a detail that the text masks must not stand in them:
   * masked in a title, left out of an author. Both are fields that people can change, which is the undo.
   */
  #named(title: string, author: string | null, { unmasked }: IntakeOptions): { title: string; author: string | null; said: string[] } {
    const hidden = new Masks(this.#ports.find(title), unmasked).apply(title)
    const found = this.#ports.find(author ?? '').filter(({ kind }) => unmasked?.includes(kind) !== true)
    const person = found.reduceRight((name, { from, to }) => name.slice(0, from) + name.slice(to), author ?? '')
    const said = []
    if (hidden !== title) said.push('Personal details in the title were masked.')
    if (found.length > 0) said.push('Personal details were left out of the author.')
    return {
      title: hidden,
      author: found.length === 0 ? author : line(person.replace(/[<([]\s*[>)\]]|^[\s,;:|–-]+|[\s,;:|–-]+$/gu, ' ')),
      said,
    }
  }

  #compare(tokens: Uint16Array): Likeness {
    const others = this.#others.compare(tokens)
    const own = this.#own.compare(tokens)
    return {
      duplicates: [...others.duplicates, ...own.duplicates],
      share: Math.max(others.share, own.share),
      exact: others.exact || own.exact,
    }
  }

  #find(id: string): Brought {
    const found = this.#brought[Number(id)]
    if (found !== undefined) return found
    throw new OpenChatError('intake_unknown', `No document ${id.slice(0, 40)} was brought.`, {
      meta: { document: id.slice(0, 40) },
      action: 'Choose the file again.',
    })
  }

  #text(document: Brought): string {
    return this.#texts.get(document.handle)
  }

  #summary(document: Brought): IntakeDocument {
    // Only what was found needs the text again.
    return document.summary(document.masks.found === 0 ? '' : this.#text(document))
  }

  documents(offset: number, limit: number): { total: number; documents: IntakeDocument[] } {
    return {
      total: this.#brought.length,
      documents: this.#brought.slice(offset, offset + limit).map((document) => this.#summary(document)),
    }
  }

  totals(): IntakeTotals {
    const accepted = this.#brought.filter(({ facts }) => facts.accepted)
    const sum = (of: (document: Brought) => number) => accepted.reduce((total, document) => total + of(document), 0)
    return {
      files: this.#files,
      refused: this.#refused,
      documents: accepted.length,
      characters: sum(({ characters }) => characters),
      tokens: sum(({ facts }) => facts.tokens),
      piiFound: sum(({ masks }) => masks.found),
      piiMasked: sum(({ masks }) => masks.masked),
      expectedStake: accepted.reduce((total, { stake }) => total + stake, 0n),
      comparedWith: [...this.#learned.keys()],
    }
  }

  /** @throws intake_unknown, query_invalid */
  mask(id: string, findings: readonly number[] | 'all', masked: boolean): IntakeDocument {
    const document = this.#find(id)
    const text = this.#text(document)
    document.mask(text, { findings }, masked, this.#ports.encode)
    return document.summary(text)
  }

  maskKind(kind: PiiKind, masked: boolean): IntakeTotals {
    for (const document of this.#brought) {
      if (document.masks.has(kind)) document.mask(this.#text(document), { kind }, masked, this.#ports.encode)
    }
    return this.totals()
  }

  /** @throws intake_unknown, facts_invalid */
  describe(id: string, { title, author, year }: { title?: string; author?: string | null; year?: number | null }): IntakeDocument {
    const document = this.#find(id)
    const named = title === undefined ? document.facts.title : line(title)
    if (named === null || (typeof year === 'number' && !Number.isSafeInteger(year))) {
      throw new OpenChatError('facts_invalid', named === null ? 'A document needs a title.' : `${year} is no year.`, {
        action: 'Fill it in.',
      })
    }
    document.facts.title = named
    if (author !== undefined) document.facts.author = line(author)
    if (year !== undefined) document.facts.year = year
    return this.#summary(document)
  }

  /** UTF-16 [from, to) of the clean text, with what was found in it. @throws intake_unknown */
  text(id: string, from: number, to: number): { text: string; length: number; pii: IntakePii[] } {
    const document = this.#find(id)
    const whole = this.#text(document)
    return { text: whole.slice(from, to), length: whole.length, pii: document.masks.list(whole, from, to, Number.POSITIVE_INFINITY) }
  }

  /** @throws intake_unknown */
  drop(id: string, dropped: boolean): IntakeDocument {
    const document = this.#find(id)
    document.facts.accepted = !dropped
    return this.#summary(document)
  }

  /** @param maxBytes of one published bundle; a document that is longer by itself is alone in its batch */
  async *batches(
    { author, licence }: { author: string; licence: string },
    maxBytes: number,
    signal: AbortSignal,
  ): AsyncGenerator<IntakeBatch> {
    let batch: IntakeBatch = { documents: [], bytes: ENVELOPE_BYTES, tokens: 0 }
    for (const document of this.#brought) {
      if (!document.facts.accepted) continue
      signal.throwIfAborted()
      const text = document.masks.apply(this.#text(document))
      const facts: DocumentFacts = {
        author: document.facts.author ?? line(author) ?? '',
        licence,
        title: document.facts.title,
        year: document.facts.year,
      }
      const bytes = utf8(JSON.stringify({ ...facts, text })).length + 1
      if (batch.documents.length > 0 && batch.bytes + bytes > maxBytes) {
        yield batch
        batch = { documents: [], bytes: ENVELOPE_BYTES, tokens: 0 }
      }
      const tokens = tokensOf(text, this.#ports.encode)
      batch.documents.push({ id: document.facts.id, facts, text, tokens })
      batch.bytes += bytes
      batch.tokens += tokens.length
    }
    if (batch.documents.length > 0) yield batch
  }

  /** Forgets what was brought; what was learned of datanets stays. */
  release(): void {
    this.#brought = []
    this.#files = 0
    this.#refused = 0
    this.#own = new NearDuplicates(this.#ports.fold, this.#ports.words, 1 << 19)
    this.#texts.clear()
  }
}

/** `{"version":1,"documents":[]}` */
const ENVELOPE_BYTES = 29
const LONGEST_NAME = 300

/** A name on one line, or null when there is none. */
function line(text: string | null): string | null {
  const plain = withoutInvisible((text ?? '').toWellFormed())
    .normalize('NFC')
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST_NAME)
    .toWellFormed()
  return plain === '' ? null : ownCopy(plain)
}

function titleOf(file: string, label: string): string {
  const name =
    line(
      file
        .replace(/^.*\//, '')
        .replace(/\.[A-Za-z0-9]{1,8}$/, '')
        .replace(/_/g, ' '),
    ) ?? 'Untitled'
  return label === '' ? name : `${name}, ${label}`
}

function copyFlags({ exact, share }: Likeness): IntakeFlag[] {
  if (exact) return [{ code: 'exact_copy', sentence: 'Exactly this text is there already, so it is left out.' }]
  if (share < COPIED) return []
  const sentence = `About ${Math.round(100 * share)} % of its passages stand in other documents: from one half on, a contribution can be slashed.`
  return [{ code: 'near_copy', sentence }]
}

function empty(): OpenChatError {
  return new OpenChatError('contribution_empty', 'No text was found in the file.', { action: 'Choose another file.' })
}
