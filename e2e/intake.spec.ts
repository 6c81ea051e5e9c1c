// Files through the real datanet worker, from the file chooser to what is said of each: every format once, hostile ones, and one so
// large that reading it on the page's own thread would stop the page. Nothing is published; contribute.spec.ts does that.
// `OPEN_CHAT_INTAKE_MB=200` makes the large one that large, and prints the same numbers.
import { appendFileSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, expect, test } from '@playwright/test'
import { zipSync } from 'fflate'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { pdfOf } from '../src/datanet/formats/fixtures.testing.ts'
import { staysFree } from './main-thread.ts'
import { createDatanet, newVisitor } from './real-page.ts'

/** A trace of minutes is hundreds of megabytes itself, so a long intake is watched in parts. */
const TRACE_MS = 20_000
const MEGABYTES = Number(process.env.OPEN_CHAT_INTAKE_MB ?? 8)
const utf8 = (text: string) => new TextEncoder().encode(text)
const file = (name: string, bytes: Uint8Array) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) })
const pdf = async (...args: Parameters<typeof pdfOf>) => new Uint8Array(await pdfOf(...args).arrayBuffer())
const PROSE = 'The keeper of the lighthouse wrote down each ship that passed, her flag, her course, and the weather of the hour.'

/** A text of so many bytes in a file, varied, so that no part is a copy of another: each line numbers its ships. */
function bookOf(bytes: number): string {
  const path = join(mkdtempSync(join(tmpdir(), 'open-chat-intake-')), 'book.txt')
  const lights = ['northern', 'southern', 'outer', 'inner']
  const line = (i: number) =>
    `On day ${i} the keeper saw ${(i * 7919) % 9973} ships pass the ${lights[i % 4]} light at hour ${(i * 31) % 24}, and number ${(i * 104_729) % 1_000_003} flew flag ${(i * 613) % 4099}.\n${i % 40 === 39 ? '\n' : ''}`
  for (let i = 0, size = 0; size < bytes; i += 10_000) {
    const part = Array.from({ length: 10_000 }, (_, k) => line(i + k)).join('')
    appendFileSync(path, part)
    size += part.length
  }
  return path
}

/** The processes that show pages, workers included, by what they hold and held at most (bytes), as far as the system tells. */
async function renderers(browser: Browser): Promise<{ pid: number; now: number; most: number }[]> {
  const session = await browser.newBrowserCDPSession()
  const { processInfo } = await session.send('SystemInfo.getProcessInfo')
  await session.detach()
  return processInfo.flatMap(({ type, id: pid }) => {
    if (type !== 'renderer' || !existsSync(`/proc/${pid}/status`)) return []
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const bytes = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
    return [{ pid, now: bytes('VmRSS'), most: bytes('VmHWM') }]
  })
}

/** The most a process holds is counted anew; where the system does not let us, since its start. */
function countFromHere(pid: number): void {
  try {
    writeFileSync(`/proc/${pid}/clear_refs`, '5')
  } catch (error) {
    console.log(`the most is counted since the start: ${String(error)}`)
  }
}

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
  const book = bookOf(MEGABYTES * 1_000_000)
  const [before] = (await renderers(browser)).sort((a, b) => b.now - a.now)
  if (before !== undefined) countFromHere(before.pid)
  const from = performance.now()
  const found = page.getByRole('article', { name: 'book' }).first()
  let shown = false
  for (let window = 1; !shown; window++) {
    await staysFree(page, `intake of ${MEGABYTES} MB, part ${window}`, async () => {
      if (window === 1) await page.getByLabel('Choose files').setInputFiles(book)
      for (const until = performance.now() + TRACE_MS; !shown && performance.now() < until; shown = await found.isVisible())
        await page.waitForTimeout(250)
    })
  }
  const seconds = (performance.now() - from) / 1000
  const after = (await renderers(browser)).find(({ pid }) => pid === before?.pid)
  const mb = (bytes: number | undefined) => (bytes === undefined ? 'not told' : `${(bytes / 1e6).toFixed(0)} MB`)
  console.log(`${seconds.toFixed(1)} s; page and workers held ${mb(before?.now)} before and ${mb(after?.most)} at most`)
  expect(errors).toEqual([])
  await context.close()
})
