// Every screen at 360, 768 and 1440 px, light and dark: nothing is wider than the window, axe finds nothing, and a picture
// is kept in test-results to be looked at.
import type { Page } from '@playwright/test'
import type { FakePage } from './fake-page.ts'
import { expect, test, violations } from './fake-page.ts'

const screens: Record<string, (fake: FakePage) => Promise<void>> = {
  empty: async ({ open, page }) => {
    await open()
    await expect(page.getByText('Ready on')).toBeVisible()
  },
  loading: async ({ open, page }) => {
    await open({ engine: 'absent' })
    await page.getByRole('button', { name: 'Pause download' }).click()
  },
  streaming: async ({ open, ask, page }) => {
    await open({ ms: '400' })
    await ask('Why a navy?')
    await expect(page.getByLabel('Answer')).toContainText('From the record')
  },
  finished: async ({ open, ask, answered }) => {
    await open()
    await ask('Why a navy?')
    await answered()
  },
  failed: async ({ open, ask, page }) => {
    await open()
    await ask('please fail')
    await expect(page.getByText('stopped answering')).toBeVisible()
  },
  rich: async ({ open, ask, answered, page }) => {
    await open()
    await ask('something rich')
    await answered()
    await expect(page.locator('.answer-text math')).toHaveCount(2)
  },
  shaped: async ({ open, ask, answered, page }) => {
    await open()
    await ask('Why a navy?')
    await answered()
    await page.getByText('How a fee of').click()
    await page.locator('.shaped').scrollIntoViewIfNeeded()
  },
  found: async ({ open, ask, answered, page }) => {
    await open()
    await ask('Why a navy?')
    await answered()
    await page.keyboard.press('Control+f')
    await page.keyboard.type('navy')
    await expect(page.getByRole('search')).toContainText('1 of 2')
  },
  keys: async ({ open, page }) => {
    await open()
    await page.getByRole('region', { name: 'Conversation', exact: true }).focus()
    await page.keyboard.press('?')
    await expect(page.getByRole('dialog')).toContainText('New chat')
  },
  drawer: async ({ open, ask, answered, page }) => {
    await open()
    await ask('Why a navy?')
    await answered()
    await page.setViewportSize({ width: 768, height: 900 })
    await page.getByRole('button', { name: 'Show conversations' }).click()
    await page.getByRole('dialog').getByRole('searchbox').fill('navy')
    await expect(page.getByRole('dialog').getByText('One conversation.')).toBeVisible()
  },
  document: async ({ open, ask, answered, page }) => {
    await open()
    await ask('Why a navy?')
    await answered()
    await page.locator('mark[data-span]').first().click()
    await expect(page.getByRole('dialog')).toContainText('Woodrow Wilson')
  },
  'no-webgpu': async ({ open, page }) => {
    await open({ engine: 'no_webgpu' })
    await expect(page.getByText('This browser cannot')).toBeVisible()
  },
  datanets: async ({ open, page }) => {
    await open({}, '#/datanets')
    await expect(page.getByText('Every State')).toBeVisible()
  },
  datanet: async ({ open, page }) => {
    await open({}, '#/datanets/1')
    await expect(page.getByText('Theodore Roosevelt').first()).toBeVisible()
  },
  contribute: async ({ open, page }) => {
    await open({}, '#/datanets/1/contribute')
    await expect(page.getByLabel('Text', { exact: true })).toBeVisible()
  },
  receipts: async ({ open, page }) => {
    await open({ receipts: '5' }, '#/verify')
    await expect(page.getByText('Refused: The nonce was used.')).toBeVisible()
  },
  verify: async ({ open, page }) => {
    await open({ verify: 'bad' }, '#/verify')
    await page.getByLabel('Receipt as JSON').fill('{}')
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await expect(page.getByText('One step does not hold.')).toBeVisible()
  },
}

for (const [name, visit] of Object.entries(screens)) {
  test(`${name} at three widths, light and dark`, async ({ fake }, info) => {
    const { page } = fake
    await page.emulateMedia({ reducedMotion: 'reduce' })
    await visit(fake)
    for (const [width, height] of [
      [1440, 900],
      [768, 900],
      [360, 740],
    ]) {
      await page.setViewportSize({ width, height })
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme })
        await page.screenshot({ path: info.outputPath(`${name}-${width}-${colorScheme}.png`) })
        // Contrast differs by colours, the rest by width: three of the six combinations see both.
        if ((width === 768) === (colorScheme === 'light')) expect(await violations(page), `${width} px, ${colorScheme}`).toEqual([])
      }
      expect(await tooWide(page), `${width} px`).toEqual([])
    }
  })
}

function tooWide(page: Page): Promise<string[]> {
  return page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5 && node.closest('.unseen, pre, table') === null)
      .map((node) => `${node.tagName}.${node.className}`),
  )
}
