// The first minute: what is downloaded and what becomes public is said, the page is usable meanwhile, nothing is spent that
// was not agreed to, and where no model can run the rest still works.
import { expect, test } from './fake-page.ts'

test('says what it will download, shows it arriving, pauses and resumes', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'absent' })
  await expect(page.getByText('SmolLM2-135M-Instruct, 98.4 MB, licence Apache-2.0')).toBeVisible()
  await expect(page.getByText('Nothing of a conversation leaves this machine unless you turn on Pay contributors')).toBeVisible()
  await expect(page.getByText('Never the prompt, never unpaid text')).toBeVisible()
  await expect(page.getByText(/Downloading the model: .* of 98.4 MB/)).toBeVisible()
  await page.getByRole('button', { name: 'Pause download' }).click()
  await expect(page.getByText(/Download paused at/)).toBeVisible()
  await page.getByRole('button', { name: 'Resume download' }).click()
  await expect(page.getByText('Ready on fake GPU')).toBeVisible()
})

test('a question asked while the model arrives is answered when it is ready, also after a reload', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'absent' })
  await fake.ask('Why a navy?')
  await expect(page.getByText('Answered when the model is ready.')).toBeVisible()
  // The browser reloads the address that it knows of, which may come a moment after what is on the screen.
  await expect(page).toHaveURL(/#\/chat\/./)
  await page.reload()
  await expect(page).toHaveURL(/#\/chat\/./)
  await expect(page.getByText('Answered when the model is ready.')).toBeVisible()
  await fake.answered()
  await expect(page.getByLabel('Answer')).toContainText('chief line of defense')
})

test('by keyboard the question is one step from the top of the page', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await expect(page.getByText('Ready on')).toBeVisible()
  await page.keyboard.press('Tab')
  await expect(page.getByRole('link', { name: 'To the question' })).toBeFocused()
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('Your question')).toBeFocused()
})

test('a metered connection is asked first', async ({ fake }) => {
  const { page } = fake
  await page.addInitScript(() => Object.defineProperty(navigator, 'connection', { value: { saveData: true } }))
  await fake.open({ engine: 'absent' })
  await expect(page.getByText('the download waits for you')).toBeVisible()
  await page.waitForTimeout(300)
  await expect(page.getByText(/Downloading/)).toHaveCount(0)
  await page.getByRole('button', { name: 'Download 98.4 MB' }).click()
  await expect(page.getByText('Ready on fake GPU')).toBeVisible()
})

test('a model that cannot be used is named, with one thing to do', async ({ fake }) => {
  await fake.open({ engine: 'failed' })
  await expect(fake.page.getByText('The model file is not the one that was expected. Download it again.')).toBeVisible()
  await expect(fake.page.getByRole('button', { name: 'Try again' })).toBeVisible()
})

test('without WebGPU: how to get it, what still works, and a composer that says why it is closed', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'no_webgpu' })
  await expect(page.getByRole('heading', { name: 'This browser cannot run the model' })).toBeVisible()
  for (const browser of ['Chrome or Edge', 'Firefox', 'Safari']) await expect(page.getByText(browser, { exact: true })).toBeVisible()
  await expect(page.getByLabel('Your question')).toBeDisabled()
  await expect(page.getByLabel('Your question')).toHaveAttribute('placeholder', /needs WebGPU/)
  await page.getByRole('link', { name: 'Contribute text to a datanet' }).click()
  await page.getByRole('link', { name: 'Public speech' }).click()
  await expect(page.getByRole('button', { name: 'State of the Union 1915' })).toBeVisible()
})
