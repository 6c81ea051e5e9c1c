// Receipts that lie in exactly one step, brought to the Verify view of the real page: exactly that step turns red. The page
// fetches the datanet, proves chain values and runs every step itself; only the receipts were made outside (broken-receipts.ts).
import { expect, type Page, test } from '@playwright/test'
import { newVisitor, pageUrl, type Visitor, verified, verifySteps } from './real-page.ts'
import { receiptFiles } from './receipt-files.ts'

/** A step that nothing here can decide: these receipts are in no batch. */
const NOT_POSTED = ['posted']

test.describe('receipts from a file', () => {
  let visitor: Visitor
  let page: Page
  let files: Map<string, string>

  test.beforeAll(async ({ browser }, info) => {
    files = await receiptFiles(info.project.outputDir)
    visitor = await newVisitor(browser, { metered: true })
    page = visitor.page
    await page.goto(pageUrl('#/verify'))
  })
  test.afterAll(async () => {
    await visitor.context.close()
  })

  async function verify(name: string): Promise<void> {
    await page.getByLabel('Receipt as JSON').fill(files.get(name)!)
    await page.getByRole('button', { name: 'Verify', exact: true }).click()
    await verified(page)
  }

  test('an honest one fails no step and leaves only its posting open', async () => {
    await verify('honest')
    expect(await verifySteps(page, 'failed')).toEqual([])
    expect(await verifySteps(page, 'unknown')).toEqual(NOT_POSTED)
    expect((await verifySteps(page, 'ok')).length).toBeGreaterThanOrEqual(20)
  })

  test('of each that lies in one step, exactly that step turns red', async () => {
    const steps = [...files.keys()].filter((name) => name !== 'honest')
    expect(steps.length).toBeGreaterThanOrEqual(12)
    for (const step of steps) {
      await verify(step)
      expect.soft(await verifySteps(page, 'failed'), `the receipt that lies in “${step}”`).toEqual([step])
      await expect.soft(page.getByText('One step does not hold.'), step).toBeVisible()
    }
  })

  test('a file chosen from the disk is verified, and what is no receipt is refused in a sentence', async () => {
    const chooser = page.getByLabel('Open a file')
    await chooser.setInputFiles({ name: 'receipt.json', mimeType: 'application/json', buffer: Buffer.from(files.get('amounts')!) })
    await verified(page)
    expect(await verifySteps(page, 'failed')).toEqual(['amounts'])
    await chooser.setInputFiles({ name: 'holiday.json', mimeType: 'application/json', buffer: Buffer.from('{"receipt":1}') })
    await expect(page.locator('[data-code="receipt_invalid"]')).toContainText('This is not a receipt file of Open Chat.')
    await expect(page.locator('li[data-step]')).toHaveCount(0)
    expect(visitor.errors).toEqual([])
  })
})
