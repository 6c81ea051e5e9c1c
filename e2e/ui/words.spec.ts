// The words of an answer: everything markdown can do is drawn and can be used, hostile words can do nothing, and ten
// thousand of them stop no frame for long.
import { readFileSync } from 'node:fs'
import { hostileAnswer } from '../../src/ui/fakes/answers.ts'
import { staysFree } from '../main-thread.ts'
import { expect, test, violations } from './fake-page.ts'

test('tables, tasks, code, maths, links and other scripts are drawn, scroll inside themselves, and pass axe', async ({ fake }) => {
  const { page } = fake
  const outside: string[] = []
  page.on('request', (request) => request.url().includes('pictures.example') && outside.push(request.url()))
  await page.setViewportSize({ width: 360, height: 740 })
  await fake.open()
  await fake.ask('something rich')
  await fake.answered()
  const answer = page.locator('.answer-text')
  await expect(answer.getByRole('img', { name: 'done' })).toHaveCount(1)
  await expect(answer.getByRole('img', { name: 'open' })).toHaveCount(1)
  await expect(answer.locator('math')).toHaveCount(2)
  await expect(answer.locator('math[display="block"] mfrac')).toHaveCount(1)
  await expect(answer).toContainText('It costs $5 or $6')
  await expect(answer.locator('.hljs-keyword')).toHaveText(['def', 'return'])
  await expect(answer.getByRole('link', { name: 'a chart' })).toHaveAttribute('href', 'https://pictures.example/x.png')
  await expect(answer.getByRole('link', { name: 'a letter' })).toHaveAttribute('rel', 'noopener noreferrer')
  expect(await answer.getByText('مرحبا').evaluate((p) => getComputedStyle(p).direction)).toBe('rtl')
  expect(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)).toBeLessThanOrEqual(0)
  expect(await page.locator('.log').evaluate((log) => log.scrollWidth - log.clientWidth)).toBeLessThanOrEqual(0)
  const table = answer.getByRole('region', { name: 'Table' })
  expect(await table.evaluate((region) => region.scrollWidth > region.clientWidth)).toBe(true)
  await table.focus()
  await expect(table).toBeFocused()
  expect(await violations(page)).toEqual([])
  expect(outside).toEqual([])
})

test('code and answers are copied, as text and as Markdown', async ({ fake, context }) => {
  const { page } = fake
  await context.grantPermissions(['clipboard-read', 'clipboard-write'])
  await fake.open()
  await fake.ask('something rich')
  await fake.answered()
  const clipboard = () => page.evaluate(() => navigator.clipboard.readText())
  await page.getByRole('button', { name: 'Copy this code' }).press('Enter')
  await expect.poll(clipboard).toMatch(/^def area\(r\):\n {4}# a comment\n {4}return 3\.14159/)
  await page.getByRole('button', { name: 'Copy as Markdown' }).press('Enter')
  await expect.poll(clipboard).toMatch(/^# Everything at once\n\n- \[x\] a task/)
  await page.getByRole('button', { name: 'Copy', exact: true }).press('Enter')
  await expect.poll(clipboard).toMatch(/^Everything at once\n\n- ☑ a task that is done\n- ☐ one that is not/)
  expect(await clipboard()).not.toContain('Copy')
})

test('reasoning stands apart, open while it is written and folded after', async ({ fake }) => {
  const { page } = fake
  // Slow enough that what is open is seen before it folds.
  await fake.open({ ms: '200' })
  await fake.ask('something reasoned')
  const thoughts = page.locator('.answer-text details')
  await expect(thoughts).toHaveAttribute('open', '')
  await expect(thoughts.getByText('first the navy')).toBeVisible()
  await fake.answered()
  await expect(thoughts).not.toHaveAttribute('open')
  await expect(page.locator('.answer-text').getByText('There were forty-eight of them.')).toBeVisible()
  await expect(page.getByRole('log')).toContainText(/Reasoning …\s*There were forty-eight of them\./)
  await expect(thoughts.getByText('first the navy')).toBeHidden()
  await thoughts.locator('summary').press('Enter')
  await expect(thoughts.getByText('first the navy')).toBeVisible()
  await expect(page.locator('.answer-text')).not.toContainText('think>')
})

test('hostile markdown and HTML run nothing, load nothing, cover nothing', async ({ fake }) => {
  const { page } = fake
  const outside: string[] = []
  page.on('request', (request) => {
    const { hostname, pathname } = new URL(request.url())
    if (hostname !== '127.0.0.1' && hostname !== 'localhost' && !request.url().startsWith('data:')) outside.push(request.url())
    if (/\/(x|1|x\.png)$/.test(pathname)) outside.push(request.url())
  })
  page.on('dialog', (dialog) => outside.push(dialog.message()))
  await fake.open({ ms: '1' })
  const address = page.url()
  await fake.ask('something hostile')
  await fake.answered()
  const answer = page.locator('.answer-text')
  await expect(answer).toContainText('The end.')
  expect(await page.evaluate(() => '__ran' in window)).toBe(false)
  expect(outside).toEqual([])
  expect(page.url().split('#')[0]).toBe(address.split('#')[0])
  const found = await answer.evaluate((root) => {
    const bad: string[] = []
    for (const node of root.querySelectorAll('*')) {
      if (/^(script|style|iframe|object|embed|form|input|img|svg|video|audio|link|meta|base|foreignobject)$/i.test(node.tagName))
        bad.push(node.tagName)
      for (const { name, value } of node.attributes) {
        if (/^on|^style$|^srcdoc$|^popover|^formaction$/i.test(name)) bad.push(`${node.tagName} ${name}`)
        if (/^(href|src|xlink:href|action|data)$/i.test(name) && !/^(https?:|mailto:)/i.test(value))
          bad.push(`${node.tagName} ${name}=${value}`)
      }
    }
    return bad
  })
  expect(found).toEqual([])
  // Marks and buttons of ours cannot be forged: the only buttons are those that copy.
  await expect(answer.locator('mark')).toHaveCount(0)
  expect(await answer.locator('button').evaluateAll((all) => all.every((button) => button.textContent === 'Copy'))).toBe(true)
  // What was harmless words is still there to be read.
  expect(hostileAnswer()).toContain('<script>')
  await expect(answer).toContainText('<script>window.__ran=1</script>')
  await page.reload()
  await expect(answer).toContainText('The end.')
  expect(await page.evaluate(() => '__ran' in window)).toBe(false)
})

test('marks stand in bold words, tables and code, and a finished answer keeps its marks when it is drawn again', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  const marks = () => page.locator('.answer-text mark[data-span]').allTextContents()
  const before = await marks()
  expect(before.join(' ')).toContain('chief line of defense')
  await page.reload()
  await expect.poll(marks).toEqual(before)
  await expect(page.locator('.answer-text mark[role="button"]')).toHaveCount(new Set(before).size)
})

test('ten thousand words arrive without a long frame, and only the last block is drawn again', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '0' })
  await expect(page.getByText('Ready on')).toBeVisible()
  await page.evaluate(() => {
    const state = { redrawn: 0 }
    Object.assign(window, { state })
    new MutationObserver((changes) => {
      for (const { target, removedNodes } of changes) {
        if (target instanceof Element && target.matches('.words')) state.redrawn += removedNodes.length
      }
    }).observe(document.body, { childList: true, subtree: true })
  })
  await staysFree(page, '10,000 words arrive', async () => {
    await fake.ask('ten thousand words')
    await expect(page.locator('article[data-state]').last()).toHaveAttribute('data-state', /complete|too_long/, { timeout: 60_000 })
  })
  await expect.poll(() => page.locator('.answer-text .block').count()).toBeGreaterThan(400)
  const { redrawn, blocks } = await page.evaluate(() => ({
    ...(window as unknown as { state: { redrawn: number } }).state,
    blocks: document.querySelectorAll('.answer-text .block').length,
  }))
  // Each block is drawn again while it is the last one, and once when it has ended; drawing all of them again for every
  // word would be tens of thousands.
  expect(redrawn / blocks).toBeLessThan(12)
})

test('an answer is judged with a note, which is kept and exported', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await page.getByRole('button', { name: 'Not helpful', exact: true }).press('Enter')
  await page.getByRole('button', { name: 'Add a note' }).press('Enter')
  await page.getByLabel('What was good or bad about it').fill('too short')
  await page.getByRole('button', { name: 'Keep it' }).press('Enter')
  await expect(page.getByRole('button', { name: 'Your note' })).toBeVisible()
  await page.reload()
  await expect(page.getByRole('button', { name: 'Not helpful', exact: true })).toHaveAttribute('aria-pressed', 'true')
  const list = page.getByRole('complementary', { name: 'Conversations' })
  await list.getByRole('button', { name: 'More about “Why a navy?”' }).focus()
  await page.keyboard.press('Enter')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export as JSON' }).press('Enter')
  const file = await download
  expect(file.suggestedFilename()).toBe('why-a-navy.json')
  expect(JSON.parse(readFileSync(await file.path(), 'utf8'))).toMatchObject({
    conversations: [{ messages: [{ text: 'Why a navy?' }, { feedback: { thumb: 'down', note: 'too short' } }] }],
  })
})
