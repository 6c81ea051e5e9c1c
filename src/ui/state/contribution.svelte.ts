// One contribution from the first file to its place in the datanet: brought and looked at (the intake), then published step by
// step. It decides nothing about texts; refusals are the services' typed errors, and no failure loses what was brought.
// Invariant: what is shown of a document is what the intake last said of it, so a mask that did not take is not shown as taken.
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import type {
  ContributionProgress,
  DatanetService,
  DatanetSummary,
  IntakeDocument,
  IntakeEvent,
  IntakeOptions,
  IntakeService,
  IntakeSource,
  IntakeTotals,
  PiiKind,
  UnfinishedContribution,
} from '../services.ts'
import { strings } from '../strings.ts'

type Step = Extract<ContributionProgress, { state: string }>
type Result = Extract<ContributionProgress, { stage: 'finished' }>
type Fields = Extract<IntakeEvent, { type: 'fields' }>
type Skipped = Extract<IntakeEvent, { type: 'skipped' }>
type Reading = Extract<IntakeEvent, { type: 'progress' }>

/** Remarks on files that are kept of each kind; an archive may hold twenty thousand that cannot be taken. */
const REMARKS = 20

/** Documents shown at first and with each "more". */
const SHOWN = 20

export class Contribution {
  #datanets: DatanetService
  #intake: IntakeService
  #datanet: DatanetSummary
  #stage = $state.raw<'bringing' | 'publishing'>('bringing')
  #busy = $state.raw(false)
  #reading = $state.raw<Reading | null>(null)
  #documents = $state.raw<readonly IntakeDocument[]>([])
  #totals = $state.raw<IntakeTotals | null>(null)
  #total = $state.raw(0)
  #refused = $state.raw<readonly { file: string; error: OpenChatError }[]>([])
  #skipped = $state.raw<readonly Skipped[]>([])
  #fields = $state.raw<readonly Fields[]>([])
  #unsaid = $state.raw({ refused: 0, skipped: 0, fields: 0 })
  #author = $state.raw('')
  #licence = $state.raw('')
  #steps = $state.raw<readonly Step[]>([])
  #result = $state.raw<Result | null>(null)
  #error = $state.raw<OpenChatError | null>(null)
  #unfinished = $state.raw<readonly UnfinishedContribution[]>([])
  #stopped = $state.raw(false)
  #running: AbortController | null = null
  #last: { source: IntakeSource; options: IntakeOptions } | null = null
  readonly licences: readonly string[]

  constructor(datanets: DatanetService, intake: IntakeService, datanet: DatanetSummary) {
    this.#datanets = datanets
    this.#intake = intake
    this.#datanet = datanet
    this.licences = [...new Set([datanet.licence, ...strings.licences])]
    this.#licence = datanet.licence
    void this.#tried(() => this.#lookForUnfinished())
  }

  get stage(): 'bringing' | 'publishing' {
    return this.#stage
  }

  /** Reading, comparing or publishing. */
  get busy(): boolean {
    return this.#busy
  }

  get reading(): Reading | null {
    return this.#reading
  }

  get documents(): readonly IntakeDocument[] {
    return this.#documents
  }

  /** Documents in all, those left out among them; `totals` counts what would be published. */
  get total(): number {
    return this.#total
  }

  /** Null before anything was brought. */
  get totals(): IntakeTotals | null {
    return this.#totals
  }

  get refused(): readonly { file: string; error: OpenChatError }[] {
    return this.#refused
  }

  /** Parts of files that were left out, with the reason. */
  get skipped(): readonly Skipped[] {
    return this.#skipped
  }

  get fields(): readonly Fields[] {
    return this.#fields
  }

  /** How many of each are not listed. */
  get unsaid(): { refused: number; skipped: number; fields: number } {
    return this.#unsaid
  }

  get author(): string {
    return this.#author
  }

  set author(author: string) {
    this.#author = author
  }

  get licence(): string {
    return this.#licence
  }

  set licence(licence: string) {
    this.#licence = licence
  }

  get steps(): readonly Step[] {
    return this.#steps
  }

  get result(): Result | null {
    return this.#result
  }

  get error(): OpenChatError | null {
    return this.#error
  }

  /** What an earlier page, or a stop, left unfinished. */
  get unfinished(): readonly UnfinishedContribution[] {
    return this.#unfinished
  }

  /** Whether the visitor stopped the publication. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Reads, cleans, masks and compares on this machine; beside what was brought before. */
  async bring(source: IntakeSource, options: IntakeOptions = {}): Promise<void> {
    this.#last = { source, options }
    this.#forgetRemarks()
    await this.#during(async (signal) => {
      for await (const event of this.#intake.examine(source, options, signal)) this.#hear(event)
    })
    this.#reading = null
    await this.#tried(() => this.#refresh())
  }

  /** Reads the last source again with the text taken from another field. */
  async takeFrom(file: string, field: string): Promise<void> {
    if (this.#last === null) return
    const { source, options } = this.#last
    await this.#tried(() => this.#intake.release())
    this.#documents = []
    this.#totals = null
    await this.bring(source, { ...options, textFields: { ...options.textFields, [file]: field } })
  }

  stop(): void {
    this.#running?.abort(new DOMException('Stopped by the visitor', 'AbortError'))
  }

  mask(document: IntakeDocument, findings: number[] | 'all', masked: boolean): Promise<void> {
    return this.#changed(() => this.#intake.mask(document.id, findings, masked))
  }

  maskKind(kind: PiiKind, masked: boolean): Promise<void> {
    return this.#tried(async () => {
      await this.#intake.maskKind(kind, masked)
      await this.#refresh()
    })
  }

  describe(document: IntakeDocument, facts: { title?: string; author?: string | null; year?: number | null }): Promise<void> {
    return this.#changed(() => this.#intake.describe(document.id, facts))
  }

  drop(document: IntakeDocument, dropped: boolean): Promise<void> {
    return this.#changed(() => this.#intake.drop(document.id, dropped))
  }

  /** The whole text as it would be published, up to a sane length. */
  async text(document: IntakeDocument, characters: number): Promise<string> {
    const { text, pii } = await this.#intake.text(document.id, 0, characters)
    let shown = ''
    let at = 0
    for (const { from, to, token, masked } of pii) {
      if (!masked || from < at) continue
      shown += text.slice(at, from) + token
      at = to
    }
    return shown + text.slice(at)
  }

  more(): Promise<void> {
    return this.#tried(async () => {
      const { documents } = await this.#intake.documents(this.#documents.length, SHOWN)
      this.#documents = [...this.#documents, ...documents]
    })
  }

  async publish(): Promise<void> {
    const facts = { author: this.#author.trim().normalize('NFC'), licence: this.#licence }
    await this.#publishing((signal) =>
      this.#datanets.contribute(this.#datanet.id, this.#licence, this.#intake.batches(facts, signal), signal),
    )
  }

  /** Goes on with what is unfinished, from where the chain proves it stands. */
  async goOn(): Promise<void> {
    const keys = this.#unfinished.map(({ key }) => key)
    await this.#publishing((signal) => this.#datanets.resume(keys, signal))
  }

  async throwAway(): Promise<void> {
    await this.#tried(async () => {
      await this.#datanets.discard(this.#unfinished.map(({ key }) => key))
      await this.#lookForUnfinished()
    })
  }

  /** Forgets what was brought. */
  async again(): Promise<void> {
    this.#documents = []
    this.#totals = null
    this.#forgetRemarks()
    this.#result = null
    this.#steps = []
    this.#error = null
    this.#stopped = false
    this.#stage = 'bringing'
    await this.#tried(() => this.#intake.release())
    await this.#tried(() => this.#lookForUnfinished())
  }

  /** The page goes elsewhere: reading ends; what is being published stays written down. */
  leave(): void {
    this.stop()
    void this.#intake.release().catch(() => undefined)
  }

  async #publishing(work: (signal: AbortSignal) => AsyncIterable<ContributionProgress>): Promise<void> {
    this.#stage = 'publishing'
    this.#stopped = false
    await this.#during(async (signal) => {
      for await (const progress of work(signal)) {
        if (progress.stage === 'finished') this.#result = progress
        else {
          const at = this.#steps.findIndex((step) => step.stage === progress.stage)
          this.#steps = at === -1 ? [...this.#steps, progress] : this.#steps.with(at, progress)
        }
      }
    })
    this.#stopped = this.#error?.code === 'cancelled'
    await this.#tried(() => this.#lookForUnfinished())
    if (this.#unfinished.length > 0 || this.#error === null) return
    // Nothing was written down: what was brought is still here to be changed.
    this.#stage = 'bringing'
  }

  #hear(event: IntakeEvent): void {
    if (event.type === 'progress') this.#reading = event
    else if (event.type === 'fields') this.#fields = this.#listed(this.#fields, event, 'fields')
    else if (event.type === 'refused') this.#refused = this.#listed(this.#refused, event, 'refused')
    else if (event.type === 'skipped') this.#skipped = this.#listed(this.#skipped, event, 'skipped')
    else if (event.type === 'done') this.#totals = event.totals
    else if (this.#documents.length < SHOWN) this.#documents = [...this.#documents, ...event.documents].slice(0, SHOWN)
  }

  #listed<T>(list: readonly T[], remark: T, kind: 'refused' | 'skipped' | 'fields'): readonly T[] {
    if (list.length < REMARKS) return [...list, remark]
    this.#unsaid = { ...this.#unsaid, [kind]: this.#unsaid[kind] + 1 }
    return list
  }

  #forgetRemarks(): void {
    this.#refused = []
    this.#skipped = []
    this.#fields = []
    this.#unsaid = { refused: 0, skipped: 0, fields: 0 }
  }

  /** What is shown, asked again: a change of one document can change others' standing and all sums. */
  async #refresh(): Promise<void> {
    const shown = Math.max(SHOWN, this.#documents.length)
    const [{ documents, total }, totals] = [await this.#intake.documents(0, shown), await this.#intake.totals()]
    this.#documents = documents
    this.#total = total
    this.#totals = totals
  }

  async #lookForUnfinished(): Promise<void> {
    this.#unfinished = await this.#datanets.unfinished(this.#datanet.id)
  }

  #changed(work: () => Promise<IntakeDocument>): Promise<void> {
    return this.#tried(async () => {
      const changed = await work()
      this.#documents = this.#documents.map((document) => (document.id === changed.id ? changed : document))
      this.#totals = await this.#intake.totals()
    })
  }

  async #during(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#running = new AbortController()
    this.#error = null
    this.#busy = true
    const { signal } = this.#running
    try {
      await work(signal)
    } catch (thrown) {
      this.#error = signal.aborted ? cancelled(thrown) : asOpenChatError(thrown)
    } finally {
      this.#busy = false
    }
  }

  async #tried(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      this.#error = asOpenChatError(thrown)
    }
  }
}

/** Whatever broke off by it: the visitor stopped. */
const cancelled = (cause: unknown) => new OpenChatError('cancelled', 'Stopped.', { cause })
