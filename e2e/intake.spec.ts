// Files through the real datanet worker, from the file chooser to what is said of each: every format once, hostile ones, and one so
// large that reading it on the page's own thread would stop the page. Nothing is published; contribute.spec.ts does that.
// `OPEN_CHAT_INTAKE_MB=200` makes the large one that large, and prints the same numbers.
import { expect, type Page, test } from '@playwright/test'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { pdfOf } from '../src/datanet/formats/fixtures.testing.ts'
import { createDatanet, newVisitor } from './real-page.ts'

const MEGABYTES = Number(process.env.OPEN_CHAT_INTAKE_MB ?? 8)
const utf8 = (text: string) => new TextEncoder().encode(text)
const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) })
const pdf = async (...args: Parameters<typeof pdfOf>) => new Uint8Array(await pdfOf(...args).arrayBuffer())
const PROSE = 'The keeper of the lighthouse wrote down each ship that passed, her flag, her course, and the weather of the hour.'

/** Begins to note every task of the page's own thread that takes 50 ms or more, and the longest time between two of its frames. */
const watchThread = (page: Page) =>
  page.evaluate(() => {
    const seen = { tasks: [] as number[], gap: 0 }
    new PerformanceObserver((list) => seen.tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({ type: 'longtask' })
    let last = performance.now()
    const tick = () => {
      const now = performance.now()
      seen.gap = Math.max(seen.gap, now - last)
      last = now
      setTimeout(tick, 10)
    }
    tick()
    Object.assign(window, { seen })
  })
const threadSeen = (page: Page) => page.evaluate(() => (window as unknown as { seen: { tasks: number[]; gap: number } }).seen)

test('files of every kind are read in the worker, or refused by name', async ({ browser }) => {
  test.setTimeout(240_000)
  const { page, context, errors } = await newVisitor(browser, { metered: true })
  await createDatanet(page, 'Lighthouses of the north')
  const rows = [`Of the parquet row: ${PROSE}`, `Of the second row: ${PROSE.toUpperCase()}`]
  const page1 = `<!doctype html><title>A page</title><script>throw 1</script><p>${PROSE} It is on a page.`
  await page.getByLabel('Choose files').setInputFiles([
    file(
      'log.pdf',
      await pdf([[PROSE.slice(0, 60), PROSE.slice(60), 'Write to keeper@light.example.']], {
        title: 'A log of ships',
        author: 'A. Keeper',
      }),
    ),
    file('note.md', utf8(`# A note on fog\n\n${PROSE} It is *marked* down.\n`)),
    file('table.csv', utf8(`title,text\nFrom a table,"${PROSE} It stands in a cell."\n`)),
    file('lines.jsonl', utf8(`${JSON.stringify({ title: 'From a line', text: `${PROSE} It is a line of its own.` })}\n`)),
    file('rows.parquet', new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'text', data: rows, type: 'STRING' }] }))),
    file('archive.zip', zipSync({ 'inner/page.html': utf8(page1) })),
    file('locked.pdf', await pdf([['x']], { locked: true })),
    file('climbs.zip', zipSync({ '../../evil.txt': utf8(PROSE) })),
    file('bomb.zip', zipSync({ 'zeros.txt': new Uint8Array(50_000_000) })),
    file('wide.csv', utf8(`${Array.from({ length: 200_000 }, (_, i) => `c${i}`).join()}\n1,2\n`)),
  ])
  await expect(page.getByRole('heading', { name: '7 documents found' })).toBeVisible({ timeout: 180_000 })
  const said = {
    'A log of ships': 'her flag, her course, and the weather of the hour. Write to [EMAIL].',
    'A note on fog': 'It is *marked* down.',
    'From a table': 'It stands in a cell.',
    'From a line': 'It is a line of its own.',
    'rows, row 1': 'Of the parquet row: The keeper',
    'rows, row 2': 'THE KEEPER',
    'A page': 'It is on a page.',
  }
  for (const [name, words] of Object.entries(said)) await expect(page.getByRole('article', { name }), name).toContainText(words)
  await expect(page.getByRole('article', { name: 'A log of ships' }).getByLabel('Author')).toHaveValue('A. Keeper')
  for (const name of ['locked.pdf', 'climbs.zip', 'bomb.zip/zeros.txt', 'wide.csv']) {
    await expect(page.getByText(`Could not be taken: ${name}`)).toBeVisible()
  }
  expect(errors).toEqual([])
  await context.close()
})

test(`a text of ${MEGABYTES} MB does not stop the page while it is read`, async ({ browser }) => {
  test.setTimeout(120_000 + MEGABYTES * 10_000)
  const { page, context, errors } = await newVisitor(browser, { metered: true })
  await createDatanet(page, 'A long book')
  // The worker and what it compares with are here before the clock runs.
  await page.getByLabel('Choose files').setInputFiles([file('first.txt', utf8(`${PROSE} This comes first.`))])
  await expect(page.getByRole('heading', { name: /^(One|1) document/ })).toBeVisible({ timeout: 180_000 })
  await watchThread(page)
  const before = await page.evaluate(async (bytes) => {
    // Varied, so that no part is a copy of another: each line numbers its ships.
    const line = (i: number) =>
      `On day ${i} the keeper saw ${(i * 7919) % 9973} ships pass the ${['northern', 'southern', 'outer', 'inner'][i % 4]} light at hour ${(i * 31) % 24}, and number ${(i * 104_729) % 1_000_003} flew flag ${(i * 613) % 4099}.\n${i % 40 === 39 ? '\n' : ''}`
    const parts: string[] = []
    let size = 0
    for (let i = 0; size < bytes; i += 1000) {
      const part = Array.from({ length: 1000 }, (_, k) => line(i + k)).join('')
      parts.push(part)
      size += part.length
      // Making it is not what is measured.
      await new Promise((resolve) => setTimeout(resolve))
    }
    const list = new DataTransfer()
    list.items.add(new File(parts, 'book.txt', { type: 'text/plain' }))
    const seen = (window as unknown as { seen: { tasks: number[]; gap: number } }).seen
    await new Promise((resolve) => setTimeout(resolve, 200))
    seen.tasks.splice(0)
    seen.gap = 0
    const input = document.querySelector<HTMLInputElement>('input[type=file]:not([webkitdirectory])')!
    input.files = list.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
    return performance.now()
  }, MEGABYTES * 1_000_000)
  await expect(page.getByRole('article', { name: 'book' }).first()).toBeVisible({ timeout: 100_000 + MEGABYTES * 10_000 })
  const { tasks, gap } = await threadSeen(page)
  const seconds = ((await page.evaluate(() => performance.now())) - before) / 1000
  const memory = await page.evaluate(async () => {
    const measure = (performance as unknown as { measureUserAgentSpecificMemory?: () => Promise<{ bytes: number }> })
      .measureUserAgentSpecificMemory
    const patience = new Promise<null>((resolve) => setTimeout(() => resolve(null), 20_000))
    return measure === undefined ? null : Promise.race([measure.call(performance).then(({ bytes }) => bytes), patience])
  })
  console.log(
    `intake of ${MEGABYTES} MB: ${seconds.toFixed(1)} s, longest task of the page's thread ${Math.max(0, ...tasks).toFixed(0)} ms (0: none of 50 ms), longest wait of a timer ${gap.toFixed(0)} ms, memory of page and workers ${memory === null ? 'not told' : `${(memory / 1e6).toFixed(0)} MB`}`,
  )
  // A quiet machine shows none; neighbours on its cores make a task last longer than its own work. Read on this thread it is seconds.
  expect(Math.max(0, ...tasks)).toBeLessThanOrEqual(100)
  expect(errors).toEqual([])
  await context.close()
})
