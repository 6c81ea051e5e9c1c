// The models room over its fake: what a model takes, fetching and stopping, one's own files, storage, and what went away.
import { expect, test, violations } from './fake-page.ts'

const card = 'SmolLM2-135M-Instruct'

test('says what a model is, what it takes and that it is in use', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  const model = page.getByRole('article', { name: card })
  await expect(model).toContainText('98.4 MB')
  await expect(model).toContainText('Apache-2.0')
  await expect(model.getByText('In use')).toBeVisible()
  await expect(model).toContainText('213 MB taken now; 217 MB planned for 2,048 tokens of context')
  await expect(page.getByRole('listitem', { name: 'Public speech' })).toContainText(card)
  await expect(page.getByRole('row', { name: /Datanets 5 10.9 MB/ })).toBeVisible()
  expect(await violations(page)).toEqual([])
})

test('a model that is not here says what it takes and whether it fits; one’s own comes by its address', async ({ fake }) => {
  const { page } = fake
  await fake.open({ models: 'none', engine: 'no_webgpu' }, '#/models')
  await page.getByText('Add a model').click()
  await page.getByLabel('Address of a GGUF file').fill('https://example.org/mine.gguf')
  await page.getByRole('button', { name: 'Add', exact: true }).first().click()
  await expect(page.getByRole('article', { name: 'mine' })).toContainText('an address you gave')
  const model = page.getByRole('article', { name: card })
  await expect(model).toHaveAttribute('data-fit', 'fits')
  await expect(model).toContainText('105 MB weights')
  await expect(model).toContainText('with 2,048 tokens of context, were tried on this GPU')
})

test('one’s own model is dropped in, and one that cannot run is refused by name', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  await page.getByText('Add a model').click()
  const choose = page.getByLabel('choose a file')
  await choose.setInputFiles({ name: 'qwen3.gguf', mimeType: 'application/octet-stream', buffer: Buffer.from('GGUF') })
  await expect(page.getByRole('alert')).toContainText('architecture is qwen3')
  await choose.setInputFiles({ name: 'my-llama.gguf', mimeType: 'application/octet-stream', buffer: Buffer.from('GGUF') })
  const mine = page.getByRole('article', { name: 'my-llama' })
  await expect(mine).toContainText('the file does not say')
  await expect(page.getByRole('alert')).toHaveCount(0)
  await mine.getByRole('button', { name: 'Delete my-llama' }).click()
  await expect(mine).toHaveCount(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(mine).toBeVisible()
})

test('one’s own adapter comes as files, and DoRA is refused', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  await page.getByText('Add an adapter').click()
  const file = (name: string) => ({ name, mimeType: 'application/zip', buffer: Buffer.from('PK') })
  await page.getByLabel('choose files').setInputFiles([file('dora.zip')])
  await expect(page.getByRole('alert')).toContainText('DoRA')
  await page.getByLabel('choose files').setInputFiles([file('pirate.zip')])
  const mine = page.getByRole('listitem', { name: 'pirate' })
  await expect(mine).toContainText('nothing that is paid')
  await mine.getByRole('button', { name: 'Delete pirate' }).click()
  await expect(mine).toHaveCount(0)
})

test('what the browser removed is told in the chat, and can be fetched again', async ({ fake }) => {
  const { page } = fake
  await fake.open({ models: 'evicted', engine: 'no_webgpu' })
  await expect(page.getByText(`The browser removed ${card} (98.4 MB) to make room.`)).toBeVisible()
  await page.getByRole('button', { name: 'Show' }).click()
  await expect(page.getByRole('heading', { name: 'Something was removed' })).toBeVisible()
  expect(await violations(page)).toEqual([])
  await page.getByRole('button', { name: 'I have seen it' }).click()
  await expect(page.getByRole('heading', { name: 'Something was removed' })).toHaveCount(0)
})

test('storage says what it holds, how full it is, and asks to be kept', async ({ fake }) => {
  const { page } = fake
  await fake.open({ quota: 'full' }, '#/models')
  await expect(page.getByText('111 MB of about 118 MB that this browser allows.')).toBeVisible()
  await page.getByRole('button', { name: 'Ask to keep it' }).click()
  await expect(page.getByText('This browser keeps it until you delete it.')).toBeVisible()
  await expect(page.getByRole('button', { name: 'Ask to keep it' })).toHaveCount(0)
})

test('a model that the browser has no room for says so before it is fetched', async ({ fake }) => {
  const { page } = fake
  await fake.open({ models: 'none', engine: 'no_webgpu', quota: 'full' }, '#/models')
  const model = page.getByRole('article', { name: card })
  await expect(model.getByRole('status')).toContainText('This needs 98.4 MB, and this browser has room for 6.8 MB.')
  await fake.open({ models: 'none', engine: 'no_webgpu' }, '#/models')
  await expect(page.getByText('Ask to keep it')).toBeVisible()
  await expect(model.getByRole('status')).toHaveCount(0)
})

test('everything is reached by keyboard', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  await page.getByRole('button', { name: `Check ${card} for damage` }).focus()
  await page.keyboard.press('Enter')
  await expect(page.getByText('all 24 chunks are as they should be')).toBeVisible()
  await page.keyboard.press('Tab')
  await expect(page.getByRole('button', { name: `Delete ${card}` })).toBeFocused()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Tab')
  await expect(page.getByLabel('choose a file')).toBeFocused()
})
