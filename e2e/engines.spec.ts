// The engines beside our own, for real: llama.cpp in wasm where there is no WebGPU, an OpenAI-compatible server of another process,
// and what web-llm says before it fetches anything.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { chromium, expect, type Page, test } from '@playwright/test'
import { ensureLlamaServer, ensureModel, root } from '../scripts/setup.mjs'
import { answered, ask, keptAnswer, LOAD_MS, leaveOut, newVisitor, pageUrl } from './real-page.ts'

const QUESTION = 'What is the Monroe Doctrine about?'
const SLOW_MS = 400_000

/** The answer is traced as any other, and says who gave it. */
async function tracedBy(page: Page, engine: string): Promise<void> {
  const { speaker, trace, retrieval, text } = await keptAnswer(page)
  expect(speaker?.engine).toBe(engine)
  expect(speaker?.adapter).toBeNull()
  expect(retrieval?.open).toBe(true)
  expect(text.length).toBeGreaterThan(40)
  expect(text.match(/From the record/g)).toHaveLength(1)
  expect(trace?.answerTokens).toBeGreaterThan(5)
}

/** A short answer over one datanet: more would only cost time. */
async function briefly(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Sampling' }).click()
  await page.getByLabel('Most tokens').fill('24')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  for (const name of ['Law', 'Contract security']) await leaveOut(page, name)
}

test('without WebGPU the processor is proposed, and answers from sources once accepted', async () => {
  test.setTimeout(LOAD_MS + SLOW_MS)
  const executablePath = process.env.OPEN_CHAT_CHROMIUM
  const browser = await chromium.launch({
    ...(executablePath === undefined ? {} : { executablePath }),
    args: ['--no-sandbox', '--disable-features=WebGPU', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  })
  try {
    const { page, errors } = await newVisitor(browser)
    await page.goto(pageUrl())
    const accept = page.getByRole('button', { name: 'Use the processor' })
    await expect(accept).toBeVisible({ timeout: 30_000 })
    await expect(page.locator('.proposal')).toContainText('It downloads 98.4 MB, once.')
    await expect(page.getByLabel('Your question')).toBeDisabled()
    await accept.click()
    await expect(page.getByText(/^Ready on the processor/)).toBeVisible({ timeout: LOAD_MS })
    await briefly(page)
    await ask(page, QUESTION)
    await answered(page)
    await tracedBy(page, 'cpu')
    await expect(page.locator('.meta').last()).toContainText('SmolLM2-135M-Instruct')
    expect(errors).toEqual([])
  } finally {
    await browser.close()
  }
})

test('an OpenAI-compatible server answers, after what leaves the machine is said; a wrong key is one sentence', async ({ browser }) => {
  test.setTimeout(LOAD_MS + SLOW_MS)
  const server = await startLlama('secret-7')
  const { page, context, errors } = await newVisitor(browser, { metered: true })
  try {
    await page.goto(pageUrl('#/settings/engines'))
    const section = page.getByRole('region', { name: 'Remote engines' })
    await section.getByLabel('Address').fill(server.url)
    await expect(section).toContainText(`the conversation go to ${new URL(server.url).host}`)
    await section.getByLabel('Key', { exact: true }).fill('wrong')
    await section.getByRole('button', { name: 'List its models' }).click()
    await expect(section.locator('[data-code="endpoint_refused"]')).toContainText('it did not accept the key')
    await section.getByLabel('Key', { exact: true }).fill('secret-7')
    await section.getByRole('button', { name: 'List its models' }).click()
    await expect(section.getByLabel('Model')).not.toHaveValue('')
    await section.getByRole('button', { name: 'Add this engine' }).click()
    await expect(section.getByText('Answers now')).toBeVisible()
    // The key lies nowhere in the open, and outlives a reload.
    await page.reload()
    await page.goto(pageUrl('#/chat'))
    await expect(page.getByText(`Ready on ${new URL(server.url).host}`)).toBeVisible({ timeout: 30_000 })
    await briefly(page)
    await ask(page, QUESTION)
    await answered(page)
    await tracedBy(page, 'remote')
    expect(errors).toEqual([])
  } finally {
    await context.close()
    await server.stop()
  }
})

test('web-llm says what it would fetch and from where, fetches nothing before a click, and says when its hub is out of reach', async ({
  browser,
}) => {
  test.setTimeout(LOAD_MS)
  const { page, context } = await newVisitor(browser, { metered: true })
  try {
    const foreign: string[] = []
    // No hub here, nor anywhere a test may depend on: its refusal is what is looked at.
    await context.route(/huggingface\.co|githubusercontent\.com/, async (route) => {
      foreign.push(route.request().url())
      await route.abort('internetdisconnected')
    })
    await page.goto(pageUrl())
    await page.getByRole('button', { name: /Model and adapter/ }).click()
    await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption({ label: 'SmolLM2 360M, full precision, web-llm' })
    await page.keyboard.press('Escape')
    const progress = page.locator('[data-engine="absent"]')
    await expect(progress).toContainText('needs a download of its own: about 226', { timeout: 30_000 })
    await expect(progress).toContainText('from huggingface.co. Nothing is fetched before you say so.')
    await page.waitForTimeout(1500)
    expect(foreign).toEqual([])
    await progress.getByRole('button', { name: /Download/ }).click()
    await expect(page.locator('[data-code="hub_unreachable"]').first()).toContainText('could not be fetched from huggingface.co', {
      timeout: 60_000,
    })
    expect(foreign.length).toBeGreaterThan(0)
  } finally {
    await context.close()
  }
})

/** llama.cpp in a process of its own, over the default model. */
async function startLlama(key: string): Promise<{ url: string; stop(): Promise<void> }> {
  ensureLlamaServer()
  // One thread: two that wait for each other on two busy cores are slower than one.
  const flags = ['--key', key, '--threads', '1']
  const server: ChildProcess = spawn(process.execPath, [join(root, 'scripts', 'llama-server.mjs'), await ensureModel(), ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    server.stdout?.on('data', (bytes: Buffer) => resolve(bytes.toString('utf8').trim()))
    server.once('exit', (status) => reject(new Error(`The llama server ended with ${status}.`)))
  })
  return {
    url,
    async stop() {
      server.kill()
      await new Promise((resolve) => server.once('exit', resolve))
    },
  }
}
