// Paying and checking: the one sentence before the first payment, the badge on its way to paid, and a verification in which
// exactly the failing step is red.
import { expect, test } from './fake-page.ts'

test('payment is off until a yes to what becomes public; then the badge follows the receipt to paid', async ({ fake }) => {
  const { page } = fake
  await fake.open({ window: '1200' })
  const pay = page.getByRole('switch', { name: 'Pay contributors' })
  await expect(pay).not.toBeChecked()
  await pay.click()
  const disclosure = page.getByRole('dialog', { name: 'Before you turn this on' })
  await expect(disclosure).toContainText('the prompt and all unpaid text never do')
  await disclosure.getByRole('button', { name: 'Cancel' }).click()
  await expect(pay).not.toBeChecked()
  await pay.click()
  await disclosure.getByRole('button', { name: 'Turn on' }).click()
  await expect(pay).toBeChecked()
  await fake.ask('Why a navy?')
  await fake.answered()
  const badge = page.locator('.badge[data-state]')
  await expect(badge).toHaveAttribute('data-state', 'posted')
  await expect(badge).toContainText('challengeable until')
  await expect(badge).toHaveAttribute('data-state', 'final')
  await expect(badge).toHaveAttribute('data-state', 'paid')

  await page.getByRole('link', { name: 'Verify here' }).click()
  await expect(page.getByText('All 6 steps hold.')).toBeVisible()
  await expect(page.locator('li[data-step="commitments"]')).toContainText('pinned: proven against devnet header 128')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save the receipt' }).click()
  expect((await download).suggestedFilename()).toMatch(/^receipt-[0-9a-f]{8}\.json$/)
  await page.getByRole('link', { name: 'All receipts' }).click()
  await expect(page.getByRole('link', { name: /From the record/ })).toBeVisible()
})

test('without payment an answer is private', async ({ fake }) => {
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(fake.page.locator('.badge[data-state]')).toHaveText('Private')
  await expect(fake.page.getByText('Pay contributors was off for this answer')).toBeVisible()
})

test('a pasted receipt with one fault: exactly that step is red, with what was expected and got', async ({ fake }) => {
  const { page } = fake
  await fake.open({ verify: 'bad' }, '#/verify')
  await page.getByLabel('Receipt as JSON').fill('{}')
  await page.getByRole('button', { name: 'Verify', exact: true }).click()
  await expect(page.getByText('One step does not hold.')).toBeVisible()
  await expect(page.locator('li[data-status="failed"]')).toHaveCount(1)
  await expect(page.locator('li[data-step="count"]')).toContainText('7 occurrences')
  await expect(page.locator('li[data-status="ok"]')).toHaveCount(5)
})

test('what is no receipt is refused in one sentence', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/verify')
  await page.locator('input[type=file]').setInputFiles({ name: 'receipt.json', mimeType: 'application/json', buffer: Buffer.from('hello') })
  await expect(page.getByText('This is not a receipt of Open Chat. Paste the whole file.')).toBeVisible()
})

test('without a chain one chats, and paying says why it cannot', async ({ fake }) => {
  const { page } = fake
  await fake.open({ chain: 'none' })
  await expect(page.getByRole('switch', { name: 'Pay contributors' })).toBeDisabled()
  await page.getByRole('button', { name: 'Ledger' }).click()
  await expect(page.getByText('The chain does not answer. Start the devnet with npm start.')).toBeVisible()
  await page.keyboard.press('Escape')
  await fake.ask('Why a navy?')
  await fake.answered()
})

test('the ledger shows account, balance and deposit with their assurance, and deposits', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('button', { name: 'Ledger' }).click()
  const panel = page.getByRole('group', { name: 'Ledger' })
  for (const fact of ['0x51ab…51ab', '1 OPEN', 'proven against devnet header 128']) await expect(panel).toContainText(fact)
  await panel.getByRole('button', { name: 'Deposit 0.1 OPEN' }).click()
  await expect(panel).toContainText('pays for 100 answers')
})
