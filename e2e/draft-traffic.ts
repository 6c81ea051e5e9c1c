// What the workers of a page say to each other about guesses from datanets; nothing of it shows on the page itself.
import type { Page } from '@playwright/test'

interface Traffic {
  /** Questions of the engine's worker how a text goes on. */
  asked: number
  /** Answers to it. */
  answered: number
}

/** Begins to count. @returns what was counted since, in all workers that run now */
export async function watchDrafts(page: Page): Promise<() => Promise<Traffic>> {
  const workers = page.workers()
  for (const worker of workers) {
    await worker.evaluate(() => {
      const traffic = { asked: 0, answered: 0 }
      Object.assign(globalThis, { traffic })
      const { postMessage } = MessagePort.prototype
      MessagePort.prototype.postMessage = function (this: MessagePort, message: unknown, ...rest: [StructuredSerializeOptions?]) {
        const { path, value } = message as { path?: string[]; value?: object | null }
        if (path?.[0] === 'continuation') traffic.asked++
        if (typeof value === 'object' && value !== null && 'matched' in value) traffic.answered++
        return postMessage.call(this, message, ...rest)
      } as typeof postMessage
    })
  }
  return async () => {
    const sum = { asked: 0, answered: 0 }
    for (const worker of workers) {
      const { asked, answered } = await worker.evaluate(() => (globalThis as unknown as { traffic: Traffic }).traffic)
      sum.asked += asked
      sum.answered += answered
    }
    return sum
  }
}
