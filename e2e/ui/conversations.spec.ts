// Conversations stay on this machine: listed, renamed, deleted with a way back, found again after a reload.
import { expect, test } from './fake-page.ts'

test('are kept, renamed, deleted and brought back', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  const address = page.url()
  await page.getByRole('link', { name: 'New chat' }).click()
  await expect(page.getByRole('heading', { name: 'What would you like to know?' })).toBeVisible()
  await fake.ask('Something about bees')
  await fake.answered()
  const list = page.getByRole('complementary', { name: 'Conversations' })
  await expect(list.getByRole('listitem')).toHaveCount(2)

  await list.getByRole('button', { name: 'Rename “Why a navy?”' }).click({ force: true })
  await page.getByLabel('Name of the conversation').fill('Ships')
  await page.keyboard.press('Enter')
  await expect(list.getByRole('link', { name: 'Ships' })).toBeVisible()

  await page.goto(address)
  await page.reload()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
  await expect(list.getByRole('link', { name: 'Ships' })).toBeVisible()

  await list.getByRole('button', { name: 'Delete “Ships”' }).click({ force: true })
  await expect(list.getByRole('link', { name: 'Ships' })).toHaveCount(0)
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
  await page.reload()
  await expect(list.getByRole('listitem')).toHaveCount(2)
})

test('an answer goes on while another conversation is open, and the next one waits for it', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '40' })
  await fake.ask('Why a navy?')
  await expect(page.getByLabel('Answer')).toContainText('We have')
  await page.getByRole('link', { name: 'New chat' }).click()
  await fake.ask('Something about bees')
  await expect(page.getByText('Waiting for the answer before this one.')).toBeVisible()
  await fake.answered()
  await page.getByRole('complementary').getByRole('link', { name: 'Why a navy?' }).click()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
})

test('an address of a conversation that is not here says so', async ({ fake }) => {
  await fake.open({}, '#/chat/nowhere')
  await expect(fake.page.getByText('This conversation is not on this machine.')).toBeVisible()
})
