// Which engine answers: what is proposed where there is no GPU, what a choice says before it fetches anything, and endpoints
// of the visitor's own. On fakes; real engines are in e2e/engines.spec.ts.
import { expect, test, violations } from './fake-page.ts'

test('without WebGPU the processor is proposed, never taken by itself, and answers once accepted', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'no_webgpu' })
  await expect(page.getByText('The same model can run on the processor')).toBeVisible()
  await expect(page.getByLabel('Your question')).toBeDisabled()
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: 'Use the processor' }).click()
  await expect(page.getByText('Ready on fake processor')).toBeVisible()
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(page.getByLabel('Answer', { exact: true })).toContainText('chief line of defense')
})

test('a GPU played by the processor is used, and the processor offered beside it', async ({ fake }) => {
  const { page } = fake
  await fake.open({ engine: 'software' })
  await expect(page.getByText('Ready on fake GPU')).toBeVisible()
  await expect(page.getByText('the processor alone is usually faster')).toBeVisible()
  await page.getByRole('button', { name: /1 restriction/ }).click()
  await expect(page.getByText('WebGPU runs in software here, without a graphics card.')).toBeVisible()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Use the processor' }).click()
  await expect(page.getByText('Ready on fake processor')).toBeVisible()
})

test('an endpoint of one’s own: what leaves is said before, a wrong address is one sentence, its model then answers', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/settings/engines')
  const section = page.getByRole('region', { name: 'Remote engines' })
  await expect(section).toContainText('your question, the sources read for it and the conversation go to the endpoint')
  await section.getByLabel('Address').fill('https://bad.example/v1')
  await expect(section).toContainText('go to bad.example')
  await section.getByRole('button', { name: 'List its models' }).click()
  await expect(section.locator('[data-code="endpoint_unreachable"]')).toContainText('Nothing answers at')
  await section.getByLabel('Address').fill('https://good.example/v1')
  await section.getByLabel('Key', { exact: true }).fill('secret')
  await page.keyboard.press('Enter')
  await expect(section.getByLabel('Model')).toHaveValue('large-model')
  await expect(section.getByLabel('Keep the key')).toHaveValue('encrypted')
  expect(await violations(page)).toEqual([])
  await section.getByRole('button', { name: 'Add this engine' }).click()
  await expect(section.getByRole('listitem')).toContainText('large-model')
  await expect(section.getByText('Answers now')).toBeVisible()
  await page.goto(page.url().replace('#/settings/engines', '#/chat'))
  await expect(page.locator('.welcome')).toContainText('The question and its sources leave this machine for good.example.')
  await page.goto(page.url().replace(/#.*/, '#/settings/engines'))
  await section.getByRole('button', { name: 'Remove large-model' }).click()
  await expect(section.getByText('No remote engine yet.')).toBeVisible()
})

for (const width of [360, 768, 1440]) {
  test(`the proposal and the endpoints fit at ${width} px`, async ({ fake }) => {
    const { page } = fake
    await page.setViewportSize({ width, height: 800 })
    await fake.open({ engine: 'no_webgpu' })
    await expect(page.getByRole('button', { name: 'Use the processor' })).toBeVisible()
    const wide = () => page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    expect(await wide()).toBe(0)
    await page.goto(page.url().replace(/(#.*)?$/, '#/settings/engines'))
    await expect(page.getByRole('heading', { name: 'Remote engines' })).toBeVisible()
    expect(await wide()).toBe(0)
  })
}
