// The page's own version: brought beside the one in use, and taken when the visitor says so. Also whether there is a network.
// The bringing is the service worker's (offline/service-worker.ts); where there is none, nothing here ever happens.
// Invariant: the page is never changed under a running answer: a yes given meanwhile is kept until the answer has ended.
import type { Notices } from './notices.svelte.ts'

/** A tab that stays open for days should learn of new versions, too. */
const LOOK_EVERY_MS = 60 * 60 * 1000
const TAKE_OVER = 'take over'

export class Updates {
  #waiting = $state.raw<ServiceWorker | null>(null)
  #wanted = $state(false)
  #online = $state(true)

  constructor(
    private window: Window,
    /** An answer runs or waits in this tab. */
    private busy: () => boolean,
    private notices: Notices,
  ) {
    this.#online = window.navigator.onLine
    for (const event of ['online', 'offline'] as const) {
      window.addEventListener(event, () => {
        this.#online = event === 'online'
      })
    }
  }

  get waiting(): boolean {
    return this.#waiting !== null
  }

  /** Agreed to, but an answer runs. */
  get postponed(): boolean {
    return this.#wanted && this.busy()
  }

  get online(): boolean {
    return this.#online
  }

  /** Registers the service worker and watches for versions. @param script its address */
  async begin(script: string): Promise<void> {
    const { serviceWorker } = this.window.navigator
    // Absent in private windows of some browsers: the page then needs its network.
    if (serviceWorker === undefined) return
    try {
      const registration: ServiceWorkerRegistration | undefined = await serviceWorker.register(script)
      // Policies and test drivers that forbid service workers answer with nothing.
      if (registration === undefined) return
      this.#watch(registration)
      setInterval(() => void this.#look(registration), LOOK_EVERY_MS)
    } catch (thrown) {
      // Without a network there is nothing to register that is not here already.
      if (this.#online) this.notices.problem(thrown)
    }
  }

  /** Takes the waiting version: at once, or when the running answer has ended. */
  async take(): Promise<void> {
    this.#wanted = true
    while (this.busy()) await new Promise((resolve) => setTimeout(resolve, 250))
    const waiting = this.#waiting
    if (waiting === null) return
    // Only this tab is loaded anew; the others go on with the version they show, whose parts stay.
    this.window.navigator.serviceWorker.addEventListener('controllerchange', () => this.window.location.reload(), { once: true })
    waiting.postMessage(TAKE_OVER)
  }

  later(): void {
    this.#wanted = false
    this.#waiting = null
  }

  #watch(registration: ServiceWorkerRegistration): void {
    if (registration.waiting !== null) this.#waiting = registration.waiting
    registration.addEventListener('updatefound', () => {
      const { installing } = registration
      installing?.addEventListener('statechange', () => {
        // The first version of all has nobody to wait for.
        if (installing.state === 'installed' && registration.active !== null) this.#waiting = installing
      })
    })
  }

  async #look(registration: ServiceWorkerRegistration): Promise<void> {
    if (!this.#online) return
    // A server that does not answer now is asked again in an hour.
    await registration.update().catch(() => undefined)
  }
}
