// What one can do with turns: branches, versions, several adapters beside each other, a queue, drafts, attachments, prompts,
// a temporary chat; by keyboard alone where it says so, and on a phone.
import type { Page } from '@playwright/test'
import { expect, test, violations } from './fake-page.ts'

const answers = (page: Page) => page.getByRole('article', { name: 'Answer' })
const questions = (page: Page) => page.getByRole('article', { name: 'You', exact: true })
const composer = (page: Page) => page.getByLabel('Your question')

/** The smallest PDF with a line of text in it; offsets of its table are counted, not guessed. */
function onePagePdf(): Buffer {
  const text = 'BT /F1 12 Tf 20 100 Td (The navy of this paper has fifty ships.) Tj ET'
  const objects = [
    '<< /Type /Catalog /Pages 2 0 R >>',
    '<< /Type /Pages /Kids [3 0 R] /Count 1 >>',
    '<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>',
    `<< /Length ${text.length} >>\nstream\n${text}\nendstream`,
    '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
  ]
  let file = '%PDF-1.4\n'
  const at = objects.map((object, i) => {
    const offset = file.length
    file += `${i + 1} 0 obj\n${object}\nendobj\n`
    return `${String(offset).padStart(10, '0')} 00000 n \n`
  })
  const table = file.length
  file += `xref\n0 6\n0000000000 65535 f \n${at.join('')}trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n${table}\n%%EOF\n`
  return Buffer.from(file, 'latin1')
}

test('an edited question opens a branch with its own answers; switching brings back what followed each', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await fake.ask('And the bees?')
  await fake.answered()
  // By keyboard alone: the pen of the first question, new words, Ctrl and Enter.
  await expect(page.getByRole('button', { name: 'Edit the question' }).first()).toBeEnabled()
  await page.getByRole('button', { name: 'Edit the question' }).first().focus()
  await page.keyboard.press('Enter')
  await expect(page.getByLabel('New wording')).toBeFocused()
  await page.keyboard.press('ControlOrMeta+A')
  await page.keyboard.type('Something about bees')
  await page.keyboard.press('ControlOrMeta+Enter')
  await expect(questions(page)).toHaveText(['Something about bees'])
  await fake.answered()
  await expect(page.getByText('2 of 2', { exact: true })).toBeVisible()
  await page.getByRole('button', { name: 'Earlier wording' }).click()
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the bees?'])
  await expect(answers(page)).toHaveCount(2)
  await page.reload()
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the bees?'])
  await page.getByRole('button', { name: 'Edit the question' }).first().focus()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Edit the question' }).first()).toBeFocused()
})

test('an answer’s words that the visitor changed are marked as the visitor’s, trace nothing, and the model’s own stay', async ({
  fake,
}) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await page.getByRole('button', { name: 'Edit these words' }).click()
  await page.getByLabel('New words').fill('Because I say so.')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await expect(answers(page)).toContainText('Because I say so.')
  await expect(answers(page)).toContainText('edited by you')
  await expect(page.getByText('Who shaped it')).toHaveCount(0)
  await page.getByRole('button', { name: 'Earlier version' }).click()
  await expect(page.getByText('Who shaped it')).toBeVisible()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
})

test('an answer is made again without the adapter, and each version says who spoke', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(page.locator('.meta')).toContainText('Public speech')
  await page.getByRole('button', { name: 'Again with…' }).click()
  await page.getByRole('group', { name: 'Again with…' }).getByRole('button', { name: 'no adapter' }).click()
  await expect(page.getByText('2 of 2', { exact: true })).toBeVisible()
  await fake.answered()
  await expect(page.locator('.meta')).toContainText('no adapter')
  await expect(answers(page)).toContainText('long coasts')
})

test('two adapters answer beside each other, each traced by itself; the chosen one is gone on with', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('button', { name: 'Model and adapter' }).click()
  const menu = page.getByRole('group', { name: 'Model and adapter' })
  await menu.getByRole('checkbox', { name: 'no adapter' }).check()
  await expect(menu.getByRole('checkbox', { name: 'automatic' })).toBeChecked()
  await page.keyboard.press('Escape')
  await expect(page.getByRole('button', { name: 'Model and adapter: 2 side by side' })).toBeVisible()
  await fake.ask('Why a navy?')
  const columns = page.getByRole('region', { name: '2 side by side' })
  await expect(columns.getByRole('heading', { level: 2, name: 'Public speech, auto' })).toBeVisible()
  await expect(columns.getByText('Who shaped it')).toHaveCount(2)
  await expect(answers(page).nth(0)).toContainText('strong on the seas')
  await expect(answers(page).nth(1)).toContainText('long coasts')
  for (const width of [1440, 360]) {
    await page.setViewportSize({ width, height: 800 })
    const [left, right] = await Promise.all([answers(page).nth(0).boundingBox(), answers(page).nth(1).boundingBox()])
    if (width === 1440) expect(right!.x).toBeGreaterThan(left!.x + 200)
    else expect(right!.y).toBeGreaterThan(left!.y + left!.height - 1)
    expect(await page.locator('.log').evaluate((log) => log.scrollWidth - log.clientWidth)).toBeLessThanOrEqual(0)
  }
  expect(await violations(page)).toEqual([])
  await columns.getByRole('button', { name: 'Go on with this one' }).nth(1).click()
  await expect(answers(page)).toHaveCount(1)
  await expect(answers(page)).toContainText('long coasts')
  await expect(page.getByText('2 of 2', { exact: true })).toBeVisible()
})

test('a question written while an answer runs waits, can be changed and taken back, and is asked by itself', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '60' })
  await fake.ask('Why a navy?')
  await expect(answers(page)).toContainText('We have')
  await fake.ask('And the bees?')
  await fake.ask('And the wasps?')
  const queue = page.getByRole('region', { name: 'Waiting questions' })
  await expect(queue.getByRole('listitem')).toHaveText(['And the bees?', 'And the wasps?'])
  await expect(composer(page)).toBeFocused()
  await queue.getByRole('button', { name: 'Remove the waiting question' }).nth(1).click()
  await queue.getByRole('button', { name: 'Edit the waiting question' }).click()
  await page.getByLabel('Waiting question', { exact: true }).fill('And the ants?')
  await page.keyboard.press('Enter')
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the ants?'])
  await expect(queue).toHaveCount(0)
  await fake.answered()
  await expect(answers(page)).toHaveCount(2)
})

test('after a stopped answer the waiting question is kept over a reload, and asked only by hand', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '60' })
  await fake.ask('Why a navy?')
  await expect(answers(page)).toContainText('We have')
  await fake.ask('And the bees?')
  await page.getByRole('button', { name: 'Stop' }).click()
  await fake.answered()
  await expect(page.getByText('Not asked: the answer before it did not end well.')).toBeVisible()
  await expect(questions(page)).toHaveCount(1)
  await page.reload()
  await page.getByRole('button', { name: 'Ask it now' }).click()
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the bees?'])
  await fake.answered()
})

test('an answer that breaks keeps its words and goes on from them', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '5' })
  await page.getByRole('switch', { name: 'Ask with sources' }).click()
  await fake.ask('Please break on bees')
  await expect(page.getByText('The graphics card stopped answering.')).toBeVisible()
  await expect(answers(page)).toContainText('I can say this in my')
  const heard = page.getByRole('log')
  await expect(heard).toContainText('The answer has ended early.')
  await expect(heard).not.toContainText('The answer is complete.')
  await page.getByRole('button', { name: 'Continue' }).click()
  await fake.answered()
  await expect(answers(page)).toContainText('to see a quotation.')
  await expect(heard).toContainText('The answer is complete.')
  await expect(page.getByText('The graphics card stopped answering.')).toHaveCount(0)
})

test('a turn is deleted and what followed it stays; undo brings it back', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  for (const question of ['Why a navy?', 'And the bees?', 'And the ants?']) {
    await fake.ask(question)
    await fake.answered()
  }
  await page.getByRole('button', { name: 'Delete this turn' }).nth(1).click()
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the ants?'])
  await page.getByRole('button', { name: 'Undo' }).click()
  await expect(questions(page)).toHaveText(['Why a navy?', 'And the bees?', 'And the ants?'])
})

test('a draft outlives a reload, each conversation with its own', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await composer(page).fill('half a question')
  await page.getByRole('link', { name: 'New chat' }).first().click()
  await expect(composer(page)).toHaveValue('')
  await composer(page).fill('another half')
  await page.reload()
  await expect(composer(page)).toHaveValue('another half')
  await page.goBack()
  await expect(composer(page)).toHaveValue('half a question')
})

test('an attached text is named, counted, read by the model and takes the place of sources', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const before = await page.getByRole('button', { name: /^Context: / }).getAttribute('aria-label')
  await page.locator('.composer input[type=file]').setInputFiles({
    name: 'notes.txt',
    mimeType: 'text/plain',
    buffer: Buffer.from(`The navy of this note has 48 ships. ${'It sails. '.repeat(90)}`),
  })
  await expect(page.getByRole('list', { name: 'Attached to this question' })).toContainText('notes.txt')
  await expect(page.getByRole('button', { name: /^Context: / })).not.toHaveAttribute('aria-label', before!)
  await fake.ask('How many ships?')
  await fake.answered()
  await expect(page.getByRole('list', { name: 'Attached to this question' })).toContainText('notes.txt, 935 characters')
  await expect(answers(page)).not.toContainText('From the record')
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'x.bin', mimeType: '', buffer: Buffer.from([0, 255, 254]) })
  await expect(page.getByText('x.bin is not a text.')).toBeVisible()
})

test('a question sent while its attachment is still being read waits for it', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.route('**/attachment-file*', async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 500))
    await route.continue()
  })
  const buffer = Buffer.from('The navy of this note has 48 ships.')
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'notes.txt', mimeType: 'text/plain', buffer })
  await fake.ask('How many ships?')
  await fake.answered()
  await expect(page.getByRole('list', { name: 'Attached to this question' })).toContainText('notes.txt')
})

test('what will not fit is said before sending, and is what is left out; a question too long is not sent', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const words = (n: number) => ({ name: `${n}.txt`, mimeType: 'text/plain', buffer: Buffer.from('ship '.repeat(n)) })
  await page.locator('.composer input[type=file]').setInputFiles(words(1500))
  await fake.ask('First about bees')
  await fake.answered()
  await expect(page.getByText('left out')).toHaveCount(0)
  await page.locator('.composer input[type=file]').setInputFiles(words(600))
  await composer(page).fill('Second about bees')
  await expect(page.getByText('the oldest turn is left out: not all fits')).toBeVisible()
  await page.keyboard.press('Enter')
  await fake.answered()
  await expect(page.locator('.meta').last()).toContainText('the oldest turn left out')
  await page.locator('.composer input[type=file]').setInputFiles(words(2500))
  await expect(page.getByText('Shorten it or what is attached to it.')).toBeVisible()
  await composer(page).fill('Third')
  await page.keyboard.press('Enter')
  await expect(page.getByRole('button', { name: 'Send' })).toBeDisabled()
  await expect(questions(page)).toHaveCount(2)
})

test('a PDF goes with a question by its words', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.locator('.composer input[type=file]').setInputFiles({ name: 'paper.pdf', mimeType: 'application/pdf', buffer: onePagePdf() })
  await expect(page.getByRole('list', { name: 'Attached to this question' })).toContainText('paper.pdf, 39 characters')
  await page.locator('.composer input[type=file]').setInputFiles({
    name: 'broken.pdf',
    mimeType: 'application/pdf',
    buffer: Buffer.from('%PDF-1.4 nothing'),
  })
  await expect(page.getByText('The PDF is damaged')).toBeVisible()
})

test('a slash lists quick prompts by keyboard, and one’s own can be kept', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await composer(page).fill('Tell it as a sailor would: ')
  await page.getByRole('button', { name: 'Quick prompts' }).click()
  await page.getByLabel('Keep what is written as').fill('sailor')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Escape')
  await composer(page).fill('')
  await composer(page).pressSequentially('/s')
  const list = page.getByRole('listbox', { name: 'Quick prompts that fit' })
  await expect(list.getByRole('option').first()).toContainText('/sailor')
  await expect(composer(page)).toHaveAttribute('aria-activedescendant', 'quick-prompt-0')
  await page.keyboard.press('ArrowDown')
  await expect(list.getByRole('option', { selected: true })).toContainText('/summary')
  expect(await violations(page)).toEqual([])
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await expect(composer(page)).toHaveValue('Tell it as a sailor would: ')
  await expect(questions(page)).toHaveCount(0)
})

test('a temporary chat says so, pays nobody, and leaves nothing', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('switch', { name: 'Temporary' }).click()
  await expect(page.getByText('Temporary chat: nothing of it is kept')).toBeVisible()
  await expect(page.getByRole('switch', { name: 'Pay contributors' })).toBeDisabled()
  await fake.ask('Why a navy?')
  await fake.answered()
  await composer(page).fill('secret draft')
  await expect(page.getByRole('complementary').getByRole('listitem')).toHaveCount(0)
  const kept = () =>
    page.evaluate(async () => {
      const databases = await indexedDB.databases()
      const conversations = databases.some(({ name }) => name === 'open-chat/fake-conversations')
      if (!conversations) return []
      return new Promise<unknown[]>((resolve, reject) => {
        const opening = indexedDB.open('open-chat/fake-conversations')
        opening.onerror = () => reject(opening.error)
        opening.onsuccess = () => {
          const reading = opening.result.transaction('records').objectStore('records').getAllKeys()
          reading.onsuccess = () => resolve(reading.result)
        }
      })
    })
  expect(await kept()).toEqual([])
  await page.reload()
  await expect(page.getByText('That was a temporary chat. Nothing of it was kept.')).toBeVisible()
  expect(JSON.stringify(await page.evaluate(() => ({ ...localStorage })))).not.toMatch(/navy|secret/)
})

test('system prompt, presets and numbers reach the engine; the price is said before sending', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('button', { name: 'Sampling' }).click()
  await page.getByRole('combobox', { name: 'Preset', exact: true }).selectOption('balanced')
  await expect(page.getByRole('slider', { name: /^Temperature/ })).toHaveValue('0.7')
  await page.getByRole('slider', { name: /^Temperature/ }).fill('0.3')
  await expect(page.getByRole('combobox', { name: 'Preset', exact: true })).toHaveValue('custom')
  await page.getByLabel('Most tokens').fill('5')
  await page.getByLabel('System prompt', { exact: true }).fill('Be brief.')
  await page.keyboard.press('Tab')
  await page.keyboard.press('Escape')
  await page.getByRole('switch', { name: 'Pay contributors' }).click()
  await page.getByRole('button', { name: 'Turn on' }).click()
  await expect(page.getByTitle('Price')).toHaveText('0.001 OPEN')
  await fake.ask('Something about bees')
  await expect(page.getByText('The answer reached its length limit.')).toBeVisible()
  await page.getByRole('button', { name: 'Continue' }).click()
  await expect(answers(page)).toContainText('I can say this in my own words, and no')
})
