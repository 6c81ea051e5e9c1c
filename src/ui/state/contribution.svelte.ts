// One contribution from the first word to its place in the datanet. The draft survives every failure: publishing again
// resumes where it stopped. It decides nothing about the text; refusals are the service's typed errors.
import { asOpenChatError, OpenChatError } from '../../errors.ts'
import type { ContributionDraft, ContributionPreview, ContributionProgress, DatanetService, DatanetSummary } from '../services.ts'
import { strings } from '../strings.ts'

type Step = Extract<ContributionProgress, { state: string }>
type Result = Extract<ContributionProgress, { stage: 'finished' }>

/** Bytes of a file above which it is refused before it is read; one DA blob holds 16 MiB. */
const MOST_FILE_BYTES = 16 * 1024 * 1024

export class Contribution {
  #service: DatanetService
  #stage = $state.raw<'writing' | 'looking' | 'publishing'>('writing')
  #draft = $state.raw<ContributionDraft>()
  #preview = $state.raw<ContributionPreview | null>(null)
  #looking = $state.raw(false)
  #steps = $state.raw<Step[]>([])
  #result = $state.raw<Result | null>(null)
  #error = $state.raw<OpenChatError | null>(null)
  #unfinished = $state.raw<readonly ContributionDraft[]>([])
  readonly licences: readonly string[]

  constructor(service: DatanetService, datanet: DatanetSummary) {
    this.#service = service
    this.licences = [...new Set([datanet.licence, ...strings.licences])]
    this.#draft = { datanet: datanet.id, title: '', author: '', licence: datanet.licence, year: null, text: '' }
    void this.#tried(async () => {
      this.#unfinished = await service.unfinished(datanet.id)
    })
  }

  get stage(): 'writing' | 'looking' | 'publishing' {
    return this.#stage
  }

  get draft(): ContributionDraft {
    return this.#draft!
  }

  /** Texts that an earlier page began to publish. */
  get unfinished(): readonly ContributionDraft[] {
    return this.#unfinished
  }

  get preview(): ContributionPreview | null {
    return this.#preview
  }

  get looking(): boolean {
    return this.#looking
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

  write(change: Partial<ContributionDraft>): void {
    this.#draft = { ...this.#draft!, ...change }
    this.#error = null
  }

  async openFile(file: File): Promise<void> {
    this.#error = null
    if (file.size > MOST_FILE_BYTES) {
      this.#error = new OpenChatError(
        'contribution_too_large',
        `“${file.name}” holds ${file.size} bytes, more than the ${MOST_FILE_BYTES} that fit.`,
        {
          meta: { bytes: file.size, limit: MOST_FILE_BYTES },
          action: 'Split it into several texts.',
        },
      )
      return
    }
    await this.#tried(async () => {
      const bytes = new Uint8Array(await file.arrayBuffer())
      this.write({ text: decodeText(bytes, file.name), title: this.#draft!.title || file.name.replace(/\.[^.]+$/, '') })
    })
  }

  /** Cleans and counts on this machine; only then can it be published. */
  async look(): Promise<void> {
    this.#error = null
    this.#looking = true
    await this.#tried(async () => {
      this.#preview = await this.#service.preview(this.#draft!, new AbortController().signal)
      this.#stage = 'looking'
    })
    this.#looking = false
  }

  edit(): void {
    this.#stage = 'writing'
    this.#error = null
  }

  again(): void {
    this.#draft = { ...this.#draft!, title: '', text: '', year: null }
    this.#preview = null
    this.#result = null
    this.#steps = []
    this.edit()
  }

  async goOn(draft: ContributionDraft): Promise<void> {
    this.#draft = draft
    this.#unfinished = this.#unfinished.filter((other) => other !== draft)
    await this.publish()
  }

  async publish(): Promise<void> {
    this.#error = null
    this.#stage = 'publishing'
    await this.#tried(async () => {
      for await (const progress of this.#service.contribute(this.#draft!, new AbortController().signal)) {
        if (progress.stage === 'finished') this.#result = progress
        else {
          const at = this.#steps.findIndex((step) => step.stage === progress.stage)
          this.#steps = at === -1 ? [...this.#steps, progress] : this.#steps.with(at, progress)
        }
      }
    })
  }

  async #tried(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (thrown) {
      this.#error = asOpenChatError(thrown)
    }
  }
}

/** UTF-8 text. @throws contribution_binary for bytes that are not, or that hold a NUL, as no text does. */
function decodeText(bytes: Uint8Array, name: string): string {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    if (!text.includes('\0')) return text
  } catch (cause) {
    throw binary(name, cause)
  }
  throw binary(name, undefined)
}

function binary(name: string, cause: unknown): OpenChatError {
  return new OpenChatError('contribution_binary', `“${name}” is not UTF-8 text.`, { cause, action: 'Save it as plain text and open that.' })
}
