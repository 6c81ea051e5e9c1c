// One answer as people see it: words stream with provisional marks, final marks open their document, names and amounts come
// after the trace, and a stopped or cut answer loses nothing.
import { expect, test } from './fake-page.ts'

test('marks are dotted while words arrive and solid when traced; the table sums to the fee', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '40' })
  await fake.ask('Why does the country need a strong navy?')
  await expect(page.locator('mark[data-strength="0"]').first()).toBeVisible()
  await expect(page.getByText('— Woodrow Wilson')).toHaveCount(0)
  await fake.answered()
  await expect(page.locator('mark[data-strength="0"]')).toHaveCount(0)
  await expect(page.locator('mark[data-span]').first()).toBeVisible()
  await expect(page.getByText('— Woodrow Wilson, State of the Union 1915')).toBeVisible()
  await expect(page.getByText('Lexical overlap is not causation')).toBeVisible()
  await expect(page.locator('.shaped li')).toContainText(['State of the Union 1901, Theodore Roosevelt'])
  const wei = await page
    .locator('.shaped tbody td[title]')
    .evaluateAll((cells) => cells.map((cell) => cell.getAttribute('title')!.replace(' wei', '')))
  expect(wei.reduce((sum, amount) => sum + BigInt(amount), 0n)).toBe(10n ** 15n)
  for (const part of ['SmolLM2-135M-Instruct', 'tokens/s', 'first token', 'dispatches a token']) {
    await expect(page.locator('.meta')).toContainText(part)
  }
})

test('a mark opens its document by mouse and by keyboard, and gives the focus back', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  const mark = page.locator('mark[data-span]').first()
  await mark.click()
  const panel = page.getByRole('dialog', { name: 'State of the Union 1915' })
  for (const fact of ['Woodrow Wilson', 'Public domain', '1915', 'Public speech', '0x1d1d', 'once in all datanets'])
    await expect(panel).toContainText(fact)
  await page.keyboard.press('Escape')
  await expect(panel).toHaveCount(0)
  await mark.focus()
  await page.keyboard.press('Enter')
  await expect(panel).toBeVisible()
  await panel.getByRole('button', { name: 'Close' }).click()
  await expect(mark).toBeFocused()
})

test('Enter sends, but not while an input method composes; Shift and Enter make a line; focus comes back', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const field = page.getByLabel('Your question')
  await field.fill('first')
  await page.keyboard.press('Shift+Enter')
  await page.keyboard.type('second')
  await expect(field).toHaveValue('first\nsecond')
  await field.evaluate((node) =>
    node.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', isComposing: true, bubbles: true, cancelable: true })),
  )
  await expect(field).toHaveValue('first\nsecond')
  await page.keyboard.press('Enter')
  await expect(field).toHaveValue('')
  await expect(field).toBeFocused()
  await expect(page.getByLabel('You', { exact: true })).toHaveText('first\nsecond')
  await fake.answered()
})

test('a stopped answer keeps its words and goes on from there; a regenerated one keeps the first', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '60' })
  await fake.ask('Why a navy?')
  await expect(page.getByLabel('Answer')).toContainText('We have always')
  await page.getByRole('button', { name: 'Stop' }).click()
  await fake.answered()
  await expect(page.getByText('Stopped.')).toBeVisible()
  await expect(page.getByLabel('Answer')).not.toContainText('strong on the seas')
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(page.getByLabel('Answer')).toContainText('strong on the seas.”')
  await expect(page.getByLabel('Answer').getByText('We have always looked')).toHaveCount(1)
  await fake.answered()
  await page.getByRole('button', { name: 'Regenerate' }).click()
  await expect(page.getByText('2 of 2', { exact: true })).toBeVisible()
  await fake.answered()
  await page.getByRole('button', { name: 'Earlier version' }).click()
  await expect(page.getByText('1 of 2', { exact: true })).toBeVisible()
})

test('a reload in mid-answer keeps what was there, marks it as cut, and offers to go on', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '80' })
  await fake.ask('Why a navy?')
  await expect(page.getByLabel('Answer')).toContainText('chief line')
  const before = (await page.locator('.answer-text').textContent())?.trim()
  await page.waitForTimeout(1000)
  await page.reload()
  await expect(page.getByText('This answer was cut when the page closed.')).toBeVisible()
  expect((await page.locator('.answer-text').textContent())?.trim()).toContain(before)
  await page.getByRole('button', { name: 'Continue' }).click()
  await fake.answered()
  await expect(page.getByLabel('Answer')).toContainText('strong on the seas.”')
  await page.reload()
  await expect(page.getByText('Who shaped it')).toBeVisible()
})

test('markdown is drawn, and a model that writes HTML gets no script, image or handler', async ({ fake }) => {
  const { page } = fake
  const outside: string[] = []
  page.on('request', (request) => {
    if (new URL(request.url()).pathname.endsWith('/x')) outside.push(request.url())
  })
  await fake.open()
  await fake.ask('Show me markdown with a table and code')
  await fake.answered()
  const answer = page.locator('.answer-text')
  await expect(answer.locator('table td')).toHaveCount(6)
  await expect(answer.locator('pre code')).toContainText('const answer')
  await expect(answer.locator('a')).toHaveAttribute('rel', 'noopener noreferrer')
  await expect(answer.locator('img, script, [onerror]')).toHaveCount(0)
  expect(outside).toEqual([])
})

test('an answer that fails says why in one sentence, and can be asked again', async ({ fake }) => {
  await fake.open()
  await fake.ask('please fail')
  await expect(fake.page.getByText('The graphics card stopped answering. Try again; the page takes it up anew.')).toBeVisible()
  await expect(fake.page.getByRole('button', { name: 'Regenerate' })).toBeVisible()
})

test('nothing moves while words arrive, and they are read out by the sentence', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '20' })
  await expect(page.getByText('Ready on')).toBeVisible()
  await page.evaluate(() => {
    const shifts: number[] = []
    Object.assign(window, { shifts })
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shifts.push((entry as unknown as { value: number }).value)
    }).observe({ type: 'layout-shift', buffered: false })
  })
  await fake.ask('Show me markdown with a table and code')
  await fake.answered()
  const total = await page.evaluate(() => (window as unknown as { shifts: number[] }).shifts.reduce((sum, shift) => sum + shift, 0))
  expect(total).toBeLessThanOrEqual(0.05)
  const said = page.getByRole('log')
  await expect(said).toContainText('We have always looked to the navy of the country as our first and chief line of defense.')
  await expect(said).toContainText('The answer is complete.')
})

test('reading back stops the following; a button leads to the latest words', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 900, height: 420 })
  await fake.open({ ms: '30' })
  await fake.ask('Show me markdown with a table and code')
  await expect(page.locator('.answer-text table')).toBeVisible()
  await page.locator('.log').evaluate((log) => log.scrollTo(0, 0))
  await page.getByRole('button', { name: 'To latest' }).click()
  await expect.poll(() => page.locator('.log').evaluate((log) => log.scrollHeight - log.scrollTop - log.clientHeight)).toBeLessThan(60)
})
