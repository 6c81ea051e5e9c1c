// When what the first screen does not need may begin: workers, the wallet, the library. Two cores that start them draw the first
// words 200 ms later. Not a condition of anything: whoever is asked for one of them before begins it at once.

/** A page that is not drawn, in a background tab, has no first frame to wait for, ms. */
const UNSEEN_MS = 250

/** Resolves after the frame that shows what is mounted in this task; in a hidden page after a moment. */
export function firstPaint(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, UNSEEN_MS)
    // The callback of a frame comes before its drawing, that of the next one after it.
    requestAnimationFrame(() => requestAnimationFrame(() => resolve()))
  })
}
