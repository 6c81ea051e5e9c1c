// One run of a verification as the page shows it: steps in the order they were announced, each replaced by its outcome.
// It judges nothing: what holds is the verifier's word (attribution/verify.ts), and a run that was stopped or broke off is
// never shown as passed.
import { asOpenChatError, type OpenChatError } from '../../errors.ts'
import type { ReceiptService, VerifyStep } from '../services.ts'

type Source = Parameters<ReceiptService['verify']>[0]

export class Verification {
  #service: ReceiptService
  #steps = $state.raw<VerifyStep[]>([])
  #running = $state.raw(false)
  #finished = $state.raw(false)
  #error = $state.raw<OpenChatError | null>(null)
  #replayed = $state.raw(false)
  #source: Source | null = null
  #cancel: AbortController | null = null

  constructor(service: ReceiptService) {
    this.#service = service
  }

  get steps(): readonly VerifyStep[] {
    return this.#steps
  }

  get running(): boolean {
    return this.#running
  }

  /** The verifier came to its end; only then does the sum of the steps mean anything. */
  get finished(): boolean {
    return this.#finished
  }

  get error(): OpenChatError | null {
    return this.#error
  }

  with(status: VerifyStep['status']): VerifyStep[] {
    return this.#steps.filter((step) => step.status === status)
  }

  /** The model was asked, or is being asked. */
  get replayed(): boolean {
    return this.#replayed
  }

  async run(source: Source): Promise<void> {
    this.stop()
    this.#source = source
    this.#steps = []
    this.#replayed = false
    await this.#follow((signal) => this.#service.verify(source, signal))
  }

  /** Asks the model whether it said this, after a run that came to its end. */
  async replay(): Promise<void> {
    const source = this.#source
    if (source === null || !this.#finished || this.#replayed) return
    this.#replayed = true
    await this.#follow((signal) => this.#service.replay(source, signal))
  }

  async #follow(begin: (signal: AbortSignal) => AsyncIterable<VerifyStep>): Promise<void> {
    const cancel = new AbortController()
    this.#cancel = cancel
    this.#error = null
    this.#finished = false
    this.#running = true
    try {
      for await (const step of begin(cancel.signal)) {
        if (cancel.signal.aborted) return
        const at = this.#steps.findIndex((known) => known.id === step.id)
        this.#steps = at === -1 ? [...this.#steps, step] : this.#steps.with(at, step)
      }
      this.#finished = !cancel.signal.aborted
    } catch (thrown) {
      const error = asOpenChatError(thrown)
      if (!cancel.signal.aborted && error.code !== 'cancelled') this.#error = error
    } finally {
      if (this.#cancel === cancel) this.#running = false
    }
  }

  stop(): void {
    this.#cancel?.abort(new DOMException('Stopped', 'AbortError'))
    this.#cancel = null
    this.#running = false
  }
}
