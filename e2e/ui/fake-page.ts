// The page over its fakes, for specs of what people see and do: no model, no chain, milliseconds instead of minutes. The
// real loop is in the specs beside this folder. Every spec also fails on an error in the console, CSP refusals included.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { test as base, expect, type Page } from '@playwright/test'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

const ACTION_MS = 30_000

export interface FakePage {
  page: Page
  /** Opens the page: knobs of fakes/services.ts, then a room. */
  open(knobs?: Record<string, string>, room?: string): Promise<void>
  ask(question: string): Promise<void>
  /** Waits for the end of the last answer. */
  answered(): Promise<void>
}

export const test = base.extend<{ fake: FakePage }>({
  fake: async ({ page }, use) => {
    const errors: string[] = []
    page.on('console', (message) => {
      // What the network layer writes is no fault of the page: this server has the page and nothing beside it.
      if (message.type() === 'error' && !/Failed to load resource|net::ERR_/.test(message.text())) errors.push(message.text())
    })
    // A click that waits for what never comes fails by its own name, long before the test's limit.
    page.context().setDefaultTimeout(ACTION_MS)
    page.context().setDefaultNavigationTimeout(ACTION_MS)
    page.on('pageerror', (error) => errors.push(String(error.stack)))
    const url = process.env.OPEN_CHAT_FAKE_URL
    if (!url) throw new Error('OPEN_CHAT_FAKE_URL names no page; e2e/global-setup.ts sets it.')
    await use({
      page,
      open: async (knobs = {}, room = '') => {
        await page.goto(`${new URL(`?${new URLSearchParams({ fake: '', ms: '2', ...knobs })}`, url)}${room}`)
      },
      ask: async (question) => {
        await page.getByLabel('Your question').fill(question)
        await page.keyboard.press('Enter')
      },
      answered: async () => {
        await expect(page.locator('article[data-state]').last()).toHaveAttribute('data-state', /complete|stopped|too_long|failed/)
        await expect(page.getByText('Who shaped it').last()).toBeVisible()
      },
    })
    expect(errors).toEqual([])
  },
})

/** What axe-core finds wrong, one line each; empty when clean. */
export async function violations(page: Page): Promise<string[]> {
  await page.evaluate(axe)
  return page.evaluate(async () => {
    const { axe: run } = window as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary: string }[] }[] }> }
    }
    const found = await run.run()
    return found.violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html, failureSummary }) => `${id}: ${html.slice(0, 160)} — ${failureSummary}`),
    )
  })
}

export { expect }
