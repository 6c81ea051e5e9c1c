// Reads a Chromium trace for one thing: how long the page's main thread was held at a time.
// Source: the trace event format; the scheduler writes one `RunTask` a task, `dur` and `tdur` in µs.

export interface TraceEvent {
  name: string
  ph: string
  pid: number
  tid: number
  /** µs, wall clock. */
  dur?: number
  /** µs, of the thread's own work. */
  tdur?: number
  args?: { name?: string; data?: { isMainFrame?: boolean } }
}

/** @returns the longest task of the busiest renderer's main thread, ms, and how many tasks there were. */
export function longestTask(events: readonly TraceEvent[]): { wall: number; cpu: number; tasks: number } {
  const main = new Set(
    events
      .filter(({ name, ph, args }) => ph === 'M' && name === 'thread_name' && args?.name === 'CrRendererMain')
      .map(({ pid, tid }) => `${pid}:${tid}`),
  )
  const byThread = new Map<string, TraceEvent[]>()
  for (const event of events) {
    const thread = `${event.pid}:${event.tid}`
    if (event.ph !== 'X' || !/RunTask$/.test(event.name) || !main.has(thread)) continue
    const tasks = byThread.get(thread)
    if (tasks) tasks.push(event)
    else byThread.set(thread, [event])
  }
  const busiest = [...byThread.values()].sort((a, b) => b.length - a.length)[0] ?? []
  const most = (values: number[]) => values.reduce((a, b) => Math.max(a, b), 0) / 1000
  return { wall: most(busiest.map((e) => e.dur ?? 0)), cpu: most(busiest.map((e) => e.tdur ?? 0)), tasks: busiest.length }
}
