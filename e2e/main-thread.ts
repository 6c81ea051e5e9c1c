// How long a page's own thread is held at a time while something happens, from Chromium's trace: its own work (`cpu`), which neighbours
// on a busy machine do not lengthen, and the clock (`wall`), which they do. One trace at a time in one browser.
import { expect, type Page } from '@playwright/test'
import { longestTask, type TraceEvent } from '../bench/page/trace.ts'

/** The page answers to keys and fingers at least this often, ms. */
const BAR_MS = 50
/** The same task takes up to twice its work where others use the same cores and caches (39 and 76 ms were seen of one). */
const STRETCH = 2

/** Fails when one task of the page's thread worked longer than the bar, with room for a busy machine. Prints what it saw. */
export async function staysFree(page: Page, what: string, work: () => Promise<void>): Promise<void> {
  const browser = page.context().browser()!
  await browser.startTracing(page, { categories: ['toplevel'] })
  let events: TraceEvent[]
  try {
    await work()
  } finally {
    events = (JSON.parse((await browser.stopTracing()).toString('utf8')) as { traceEvents: TraceEvent[] }).traceEvents
  }
  const { cpu, wall, tasks } = longestTask(events)
  console.log(`${what}: longest of ${tasks} tasks ${cpu.toFixed(0)} ms of work, ${wall.toFixed(0)} ms by the clock`)
  expect(tasks, 'tasks in the trace').toBeGreaterThan(0)
  expect(cpu, what).toBeLessThanOrEqual(STRETCH * BAR_MS)
}
