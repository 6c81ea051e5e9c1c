// Many tabs and one engine, with the real model: the second tab asks the first one's, takes over when that is closed, and a device
// that is destroyed in the middle of an answer costs no word of it. Answers are stopped once they have shown what they should.
import { expect, type Page, test, type Worker } from '@playwright/test'
import { ANSWER_MS, ask, keptAnswer, LOAD_MS, modelReady, newVisitor, pageUrl, type Visitor } from './real-page.ts'

const QUESTION = 'List the months of the year, and say a word about each.'

const gpuWorkers = (page: Page) => page.workers().filter((worker) => /gpu\.worker/.test(worker.url()))
/** Of the last answer alone: a fresh one has no text yet. */
const text = async (page: Page) => {
  const shown = page.getByLabel('Answer', { exact: true }).last().locator('.answer-text')
  return ((await shown.textContent({ timeout: 1000 }).catch(() => '')) ?? '').trim()
}
const words = async (page: Page) => (await text(page)).split(/\s+/).filter(Boolean).length

/** Waits until the last answer has so many words. @returns them */
async function said(page: Page, count: number): Promise<string> {
  await expect.poll(() => words(page), { timeout: ANSWER_MS }).toBeGreaterThanOrEqual(count)
  return text(page)
}

const letters = (words: string) => words.replace(/[^\p{L}]/gu, '')

/** Stops the answer, and checks that what was said before is its beginning, once. */
async function goesOn(page: Page, before: string, more: number): Promise<void> {
  await said(page, before.split(/\s+/).length + more)
  await page.getByRole('button', { name: 'Stop' }).click()
  await expect(page.getByLabel('Answer', { exact: true }).last()).toHaveAttribute('data-state', 'stopped', { timeout: 60_000 })
  const answer = await keptAnswer(page)
  expect(answer.error).toBeUndefined()
  // On the screen markdown is rendered, and the last word may have been half of one.
  const [whole, start] = [letters(answer.text), letters(before).slice(0, -3)]
  expect(whole.slice(0, start.length)).toBe(start)
  expect(whole.slice(letters(before).length)).not.toMatch(new RegExp(`^${letters(before).slice(-12)}`))
}

test.describe('tabs', () => {
  test.describe.configure({ mode: 'serial' })
  let visitor: Visitor
  let first: Page
  let second: Page

  test.beforeAll(async ({ browser }) => {
    visitor = await newVisitor(browser)
    first = visitor.page
  })
  test.afterAll(async () => {
    await visitor.context.close()
  })

  test('a second tab uses the engine of the first, and takes over in the middle of its own answer', async () => {
    test.setTimeout(2 * LOAD_MS + ANSWER_MS)
    await first.goto(pageUrl())
    await modelReady(first)
    second = await visitor.context.newPage()
    // So that the device that it opens later can be destroyed.
    second.on('worker', (worker) => {
      if (/gpu\.worker/.test(worker.url())) void noteDevices(worker)
    })
    await second.goto(pageUrl())
    await modelReady(second)
    expect(gpuWorkers(first)).toHaveLength(1)
    expect(gpuWorkers(second)).toHaveLength(0)
    await second.getByRole('switch', { name: 'Ask with sources' }).click()
    await ask(second, QUESTION)
    const before = await said(second, 4)
    await first.close()
    await expect.poll(() => gpuWorkers(second).length).toBe(1)
    await goesOn(second, before, 3)
  })

  test('a device that is destroyed in mid-answer is opened again, the same message goes on, and that it was lost is said', async () => {
    test.setTimeout(LOAD_MS + ANSWER_MS)
    await ask(second, 'Now list the days of the week, and say a word about each.')
    const before = await said(second, 4)
    const [worker] = gpuWorkers(second)
    expect(await worker!.evaluate(() => (self as unknown as { opened: GPUDevice[] }).opened.length)).toBeGreaterThan(0)
    // Which of them runs the answer is the engine's own affair: it opens one to measure memory, too.
    await worker!.evaluate(() => {
      for (const device of (self as unknown as { opened: GPUDevice[] }).opened) device.destroy()
    })
    await goesOn(second, before, 3)
    await second.getByRole('button', { name: /restriction/ }).click()
    await expect(second.getByText('The GPU was lost once and taken up again')).toBeVisible()
    expect(visitor.errors).toEqual([])
  })
})

/** Keeps every device that the worker opens from now on. */
function noteDevices(worker: Worker): Promise<void> {
  return worker.evaluate(() => {
    const opened: GPUDevice[] = []
    Object.assign(self, { opened })
    const request = GPUAdapter.prototype.requestDevice
    GPUAdapter.prototype.requestDevice = async function (descriptor) {
      const device = await request.call(this, descriptor)
      opened.push(device)
      return device
    }
  })
}
