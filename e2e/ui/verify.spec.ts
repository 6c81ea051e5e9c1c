// The Verify view as a stranger meets it: a link without its receipt, a link to one that is kept, a file that is dropped, and what
// goes along when a receipt is saved. On fakes; the steps themselves are judged in ../receipts.spec.ts.
import { readFile } from 'node:fs/promises'
import { expect, test, violations } from './fake-page.ts'

/** The first of the fake's earlier receipts. */
const KEPT = `0x${(0xabc000).toString(16).padStart(64, '0')}`
const STRANGE = `0x${'12'.repeat(32)}`

test('a link to a receipt that is not here says what is missing, and claims nothing of it', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 360, height: 740 })
  await fake.open({ receipts: '3' }, `#/verify/${STRANGE}`)
  await expect(page.locator('[data-code="receipt_unknown"]')).toBeVisible()
  await expect(page.getByText('A link names a receipt and does not hold it.')).toBeVisible()
  await expect(page.locator('.badge')).toHaveCount(0)
  await expect(page.getByRole('button', { name: /^Save/ })).toHaveCount(0)
  expect(await violations(page)).toEqual([])
})

test('a pasted link opens a receipt that is kept here; it is saved whole, or without question and answer', async ({ fake }) => {
  const { page } = fake
  await fake.open({ receipts: '3' }, '#/verify')
  await page.getByLabel('Receipt as JSON').fill(` https://chat.example/#/verify/${KEPT.toUpperCase().replace('0X', '0x')}\n`)
  await page.getByLabel('Receipt as JSON').press('Tab')
  await page.keyboard.press('Enter')
  await expect(page).toHaveURL(new RegExp(`#/verify/${KEPT}$`))
  await expect(page.getByText('All 6 steps hold.')).toBeVisible()
  await expect(page.locator('.badge').first()).toHaveText('Signed')
  await expect(page.getByText('who gets the file reads them')).toBeVisible()
  const take = async (name: string) => {
    const download = page.waitForEvent('download')
    await page.getByRole('button', { name }).click()
    const file = await download
    return { name: file.suggestedFilename(), held: JSON.parse(await readFile(await file.path(), 'utf8')) }
  }
  const whole = await take('Save the receipt')
  expect(whole.held).toEqual({ receipt: KEPT, owner: { prompt: 'What about the navy?' } })
  const seen = await take('Save its public part')
  expect(seen).toEqual({ name: whole.name.replace('.json', '-public.json'), held: { receipt: KEPT } })
})

test('a receipt file is verified wherever on the page it is dropped', async ({ fake }) => {
  const { page } = fake
  await fake.open({ verify: 'bad', receipts: '3' }, `#/verify/${STRANGE}`)
  const data = await page.evaluateHandle(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File(['{"receipt":1}'], 'receipt.json', { type: 'application/json' }))
    return transfer
  })
  await page.getByRole('heading', { level: 1 }).dispatchEvent('drop', { dataTransfer: data })
  await expect(page.getByText('One step does not hold.')).toBeVisible()
  await expect(page.getByText('can be refuted on the chain until its window ends')).toBeVisible()
  await expect(page.getByLabel('Receipt as JSON')).toHaveValue('{"receipt":1}')
})
