// The time that says whether a newest header is new: this machine's clock, unless the server the page came from disagrees by
// minutes. Not a time service: who serves the page's code is trusted with more than the time already, and a clock that is an
// hour off would else make every honest node look stale, or a stalled one look fresh.
// Invariant: without an answer, or with a small difference, the machine's own clock holds.

/** Networks and rounding of `Date` explain seconds; this is more. */
const DOUBT_MS = 120_000

/**
 * How far this machine's clock is behind that of the page's server, ms; 0 when they agree or the server cannot be asked.
 * @param url of any resource of the page; its `Date` header is read, past every cache
 */
export async function clockOffset(url: string, fetch = globalThis.fetch, now = Date.now): Promise<number> {
  try {
    const response = await fetch(url, { method: 'HEAD', cache: 'no-store', signal: AbortSignal.timeout(5_000) })
    const told = Date.parse(response.headers.get('date') ?? '')
    const offset = told - now()
    return Math.abs(offset) > DOUBT_MS ? offset : 0
  } catch {
    // Offline or a server without a clock: then there is only this machine's.
    return 0
  }
}
