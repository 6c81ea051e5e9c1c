// Paying and checking: the one sentence before the first payment, the badge on its way to paid, and a verification in which
// exactly the failing step is red.
import { readFileSync } from 'node:fs'
import { expect, test, violations } from './fake-page.ts'

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
  await expect(page.locator('.shaped')).toContainText('92 % of the tokens are traced to contributors.')
  await page.goto(page.url().replace(/#.*/, '#/ledger'))
  // What is not known is not said to be nothing, and the reason is given once.
  await expect(page.getByText('What was earned is read from the chain')).toBeVisible()
  await expect(page.getByText('Nothing was earned or spent yet.')).toHaveCount(0)
  await expect(page.getByRole('main').getByText('The chain does not answer.')).toHaveCount(1)
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

test('the ledger room: what waits and why, trying now, receipts by every filter, batches', async ({ fake }) => {
  const { page } = fake
  await fake.open({ receipts: '30', earned: '9' }, '#/ledger')
  const waiting = page.getByRole('region', { name: 'On their way' })
  await expect(waiting).toContainText('One receipt has not reached the chain yet.')
  await expect(waiting).toContainText('No validator answered (127.0.0.1:8601).')
  await waiting.getByRole('button', { name: 'Try now' }).click()
  await expect(waiting).toContainText('Nothing waits')

  const receipts = page.getByRole('region', { name: 'Receipts', exact: true })
  const shown = receipts.getByRole('status')
  await expect(shown).toHaveText('30 receipts')
  await expect(receipts.getByRole('listitem')).toHaveCount(25)
  await receipts.getByRole('button', { name: 'Show 5 more' }).click()
  await expect(receipts.getByRole('listitem')).toHaveCount(30)
  await receipts.getByLabel('Words').fill('what CENSUS')
  await expect(shown).toHaveText('6 of 30 receipts')
  await receipts.getByLabel('Datanet').selectOption('2')
  await expect(shown).toHaveText('1 of 30 receipts')
  await receipts.getByRole('button', { name: 'Show all' }).click()
  await receipts.getByLabel('State').selectOption('Refused')
  await expect(shown).toHaveText('1 of 30 receipts')
  await receipts.getByLabel('State').selectOption('Any')
  await receipts.getByLabel('At least, OPEN').fill('0.003')
  await expect(shown).toHaveText('10 of 30 receipts')
  await receipts.getByRole('button', { name: 'Show all' }).click()
  const day = await page.evaluate(() => new Date(Date.now() - 2 * 86_400_000).toLocaleDateString('sv'))
  await receipts.getByLabel('From').fill(day)
  await expect(shown).toHaveText('3 of 30 receipts')
  await receipts.getByLabel('To').fill(day)
  await expect(shown).toHaveText('1 of 30 receipts')
  await expect(page.getByRole('region', { name: 'Batches with your receipts' }).getByRole('row')).toHaveCount(4)
  await receipts.getByRole('listitem').getByRole('link').click()
  await expect(page).toHaveURL(/#\/verify\/0x/)
})

test('a refused receipt says why, and can be offered again', async ({ fake }) => {
  const { page } = fake
  await fake.open({ receipts: '5' }, '#/ledger')
  const row = page.getByRole('region', { name: 'Receipts' }).getByRole('listitem').filter({ hasText: 'The nonce was used.' })
  await expect(row).toContainText('Nobody was paid by this receipt')
  await row.getByRole('button', { name: 'Offer it again' }).press('Enter')
  await expect(page.getByText('The nonce was used.')).toHaveCount(0)
  await expect(page.getByRole('button', { name: 'Offer it again' })).toHaveCount(0)
})

test('earned and spent: a picture, the same as a table, and a file that no spreadsheet runs', async ({ fake }) => {
  const { page } = fake
  await fake.open({ receipts: '4', earned: '9' }, '#/ledger')
  const flows = page.getByRole('region', { name: 'Earned and spent' })
  await expect(flows).toContainText('0.0026 OPEN earned in all.')
  await expect(flows.locator('canvas')).toBeVisible()
  await flows.getByText('As a table').click()
  await expect(flows.getByRole('row')).toHaveCount(10)
  const download = page.waitForEvent('download')
  await flows.getByRole('button', { name: 'Save as CSV' }).click()
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\r\n')
  expect(lines).toHaveLength(14)
  expect(lines[0]).toBe('date,kind,amount_wei,amount_open,state,batch,receipt,datanets,words')
  const earned = lines.filter((line) => line.split(',')[1] === 'earned').map((line) => BigInt(line.split(',')[2]!))
  expect(earned.reduce((sum, wei) => sum + wei, 0n)).toBe(26n * 10n ** 14n)
})

test('a budget a day pays for two answers, and says why the third pays nobody', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/ledger')
  const budget = page.getByRole('region', { name: 'Budget a day' })
  await expect(budget).toContainText('No limit is set.')
  await budget.getByLabel('OPEN a day').fill('0.002')
  await budget.getByRole('button', { name: 'Set', exact: true }).click()
  await expect(budget).toContainText('0.002 of 0.002 OPEN are left today.')
  await page.goto(page.url().replace(/#.*/, '#/chat'))
  await page.getByRole('switch', { name: 'Pay contributors' }).click()
  await page.getByRole('button', { name: 'Turn on' }).click()
  for (const left of ['0.001', '0']) {
    await fake.ask('Why a navy?')
    await fake.answered()
    await page.getByRole('button', { name: 'Ledger' }).click()
    await expect(page.locator('.panel [data-budget]')).toHaveText(`${left} OPEN left in today’s budget`)
    await page.keyboard.press('Escape')
  }
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(page.getByText("Today's budget of 0.002 OPEN is spent, so this answer paid nobody.")).toBeVisible()
  await expect(page.locator('.badge[data-state]').last()).toHaveText('Private')
})

test('little coin: the faucet of the chain, or the account to send to; a deposit is taken back and moved', async ({ fake }) => {
  const { page } = fake
  await fake.open({ balance: '0.05', faucet: 'none' }, '#/ledger')
  await expect(page.getByText('Send OPEN to the account above.')).toBeVisible()
  await fake.open({ balance: '0.05' }, '#/ledger')
  const money = page.getByRole('region', { name: 'Money' })
  await money.getByRole('button', { name: 'Get devnet OPEN' }).click()
  await expect(money).toContainText('10.05 OPEN')
  await money.getByLabel('OPEN to deposit').fill('a lot')
  await expect(money.getByRole('button', { name: 'Deposit', exact: true })).toBeDisabled()
  await money.getByLabel('OPEN to deposit').fill('2,5')
  await money.getByRole('button', { name: 'Deposit', exact: true }).click()
  await expect(money).toContainText('pays for 2,500 answers')
  await money.getByText('Take the deposit back').first().click()
  await money.getByRole('button', { name: 'Take the deposit back' }).click()
  await expect(money).toContainText('(block time)')
  await money.getByRole('button', { name: 'Withdraw now' }).click()
  await expect(money).toContainText('pays for 0 answers')
  await money.getByText('Move funds').first().click()
  await money.getByLabel('Account to move them to').fill('somewhere')
  await money.getByRole('button', { name: 'Move funds' }).click()
  await expect(money.getByRole('alert')).toContainText('That is no address')
})

test('the ledger room at three widths, light and dark', async ({ fake }, info) => {
  const { page } = fake
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await fake.open({ receipts: '8', earned: '12', balance: '0.05' }, '#/ledger')
  await expect(page.locator('canvas')).toBeVisible()
  for (const [width, height] of [
    [1440, 900],
    [768, 900],
    [360, 740],
  ]) {
    await page.setViewportSize({ width: width!, height: height! })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      for (const part of ['top', 'bottom'] as const) {
        await page.locator('main').evaluate((main, where) => main.scrollTo(0, where === 'top' ? 0 : main.scrollHeight / 2), part)
        await page.screenshot({ path: info.outputPath(`ledger-${width}-${colorScheme}-${part}.png`) })
      }
      if ((width === 768) === (colorScheme === 'light')) expect(await violations(page), `${width} px, ${colorScheme}`).toEqual([])
    }
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('main *')]
        .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5 && node.closest('.unseen, .scroll') === null)
        .map((node) => `${node.tagName}.${node.className}`),
    )
    expect(wide, `${width} px`).toEqual([])
  }
})
