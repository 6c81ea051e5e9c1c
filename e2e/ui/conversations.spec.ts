// Conversations stay on this machine: listed by day, found by words, renamed, pinned, archived, deleted with a way back,
// exported and imported, and all of it without a mouse.
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from '@playwright/test'
import { strToU8, unzipSync, zipSync } from 'fflate'
import { expect, type FakePage, test, violations } from './fake-page.ts'

const listOf = (page: Page) => page.getByRole('complementary', { name: 'Conversations' })

async function more(page: Page, title: string, verb: string) {
  await listOf(page)
    .getByRole('button', { name: `More about “${title}”` })
    .focus()
  await page.keyboard.press('Enter')
  await page.getByRole('button', { name: verb, exact: true }).press('Enter')
}

async function twoChats(fake: FakePage) {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await page.getByRole('link', { name: 'New chat' }).press('Enter')
  await expect(page.getByRole('heading', { name: 'What would you like to know?' })).toBeVisible()
  await fake.ask('Something about bees')
  await fake.answered()
  await expect(listOf(page).getByRole('listitem')).toHaveCount(2)
}

test('are kept, renamed, deleted and brought back', async ({ fake }) => {
  const { page } = fake
  await twoChats(fake)
  const list = listOf(page)
  await list.getByRole('link', { name: 'Why a navy?' }).focus()
  await page.keyboard.press('F2')
  await page.getByLabel('Name of the conversation').fill('Ships')
  await page.keyboard.press('Enter')
  await expect(list.getByRole('link', { name: 'Ships' })).toBeFocused()
  await page.keyboard.press('Enter')
  await page.reload()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
  await list.getByRole('link', { name: 'Ships' }).focus()
  await page.keyboard.press('Delete')
  await expect(list.getByRole('link', { name: 'Ships' })).toHaveCount(0)
  await expect(list.getByRole('link', { name: 'Something about bees' })).toBeFocused()
  await page.getByRole('button', { name: 'Undo' }).press('Enter')
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
  await page.reload()
  await expect(list.getByRole('listitem')).toHaveCount(2)
})

test('are pinned and archived, and the arrow keys walk through them', async ({ fake }) => {
  const { page } = fake
  await twoChats(fake)
  const list = listOf(page)
  await more(page, 'Why a navy?', 'Pin')
  await expect(list.getByRole('region', { name: 'Pinned' }).getByRole('link')).toHaveText([/Why a navy/])
  await list.getByRole('searchbox').focus()
  await page.keyboard.press('ArrowDown')
  await expect(list.getByRole('link', { name: 'Why a navy?' })).toBeFocused()
  await page.keyboard.press('ArrowDown')
  await expect(list.getByRole('link', { name: 'Something about bees' })).toBeFocused()
  await more(page, 'Something about bees', 'Archive')
  await expect(list.getByRole('link', { name: 'Something about bees' })).toBeHidden()
  await list.getByText('Archived (1)').press('Enter')
  await expect(list.getByRole('link', { name: 'Something about bees' })).toBeVisible()
  await page.reload()
  await expect(list.getByRole('region', { name: 'Pinned' })).toBeVisible()
  await expect(list.getByText('Archived (1)')).toBeVisible()
  expect(await violations(page)).toEqual([])
})

test('are found by words inside their messages, and the words by a bar inside the chat', async ({ fake }) => {
  const { page } = fake
  await twoChats(fake)
  const list = listOf(page)
  await page.keyboard.press('Control+k')
  await expect(list.getByRole('searchbox')).toBeFocused()
  await page.keyboard.type('CHIEF line')
  await expect(list.getByText('One conversation.')).toBeVisible()
  await expect(list.locator('mark')).toHaveText('chief line')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  const bar = page.getByRole('search', { name: 'Find in this conversation' })
  await expect(bar).toContainText('1 of 1')
  await bar.getByRole('searchbox').fill('always')
  await expect(bar).toContainText('1 of 2')
  await page.keyboard.press('Enter')
  await expect(bar).toContainText('2 of 2')
  expect(await page.evaluate(() => [...(CSS.highlights.get('found-now') ?? [])].map(String))).toEqual(['always'])
  await page.keyboard.press('Shift+Enter')
  await expect(bar).toContainText('1 of 2')
  await page.keyboard.press('Escape')
  await expect(bar).toHaveCount(0)
  expect(await page.evaluate(() => CSS.highlights.size)).toBe(0)
  await page.getByRole('region', { name: 'Conversation', exact: true }).focus()
  await page.keyboard.press('Control+f')
  // The phrase goes over from one mark into the next.
  await page.keyboard.type('defense. We have')
  await expect(bar).toContainText('1 of 1')
})

test('a sheet tells the keys, and a new chat begins with one', async ({ fake }) => {
  const { page } = fake
  await twoChats(fake)
  await page.getByRole('region', { name: 'Conversation', exact: true }).focus()
  await page.keyboard.press('?')
  const sheet = page.getByRole('dialog', { name: 'Keys' })
  await expect(sheet).toContainText('Find in this conversation')
  await page.keyboard.press('Escape')
  await expect(sheet).toHaveCount(0)
  await page.keyboard.press('Control+Shift+O')
  await expect(page.getByRole('heading', { name: 'What would you like to know?' })).toBeVisible()
  await expect(page.getByLabel('Your question')).toBeFocused()
  await page.keyboard.type('?')
  await expect(page.getByLabel('Your question')).toHaveValue('?')
})

test('all go out as a zip and come back beside the old ones; hostile files change nothing', async ({ fake }) => {
  const { page } = fake
  await twoChats(fake)
  const list = listOf(page)
  await list.getByRole('button', { name: 'All conversations' }).focus()
  await page.keyboard.press('Enter')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Export all as a zip' }).press('Enter')
  const zip = readFileSync(await (await download).path())
  expect(Object.keys(unzipSync(zip)).sort()).toEqual([
    'conversations.json',
    'markdown/0001-something-about-bees.md',
    'markdown/0002-why-a-navy.md',
  ])
  await page.keyboard.press('Escape')

  const folder = mkdtempSync(join(tmpdir(), 'open-chat-import-'))
  const chooser = list.getByLabel('Files to import')
  const bring = async (name: string, bytes: Uint8Array | string) => {
    writeFileSync(join(folder, name), bytes)
    await chooser.setInputFiles(join(folder, name))
  }
  await bring('all.zip', zip)
  await expect(page.getByText('Imported 2 conversations.')).toBeVisible()
  await expect(list.getByRole('listitem')).toHaveCount(4)
  await page.getByRole('button', { name: 'Undo' }).press('Enter')
  await expect(list.getByRole('listitem')).toHaveCount(2)

  const hostile: Record<string, [Uint8Array | string, RegExp]> = {
    'deep.json': ['['.repeat(100_000), /nesting should be at most 64 levels deep/],
    'wrong.json': ['{"format":"open-chat/conversations","version":1,"conversations":[{"title":5}]}', /title should be text/],
    'photo.json': ['\u0089PNG', /no export of conversations/],
    'slip.zip': [zipSync({ '../../conversations.json': strToU8('[]') }), /names a file outside itself/],
    'cut.zip': [zip.subarray(0, 400), /zip is damaged/],
  }
  for (const [name, [bytes, sentence]] of Object.entries(hostile)) {
    await bring(name, bytes)
    await expect(page.getByText(sentence), name).toBeVisible()
    await page.getByRole('button', { name: 'Close' }).first().click()
  }
  await page.reload()
  await expect(list.getByRole('listitem')).toHaveCount(2)

  const script = '<img src=x onerror="window.__ran=1"><script>window.__ran=1</script>'
  const chat = (content: string) => ({
    title: script,
    chat: {
      messages: [
        { role: 'user', content: script },
        { role: 'assistant', content },
      ],
    },
  })
  await bring('webui.json', JSON.stringify([chat(`${script} imported words`)]))
  await expect(page.getByText('Imported one conversation.')).toBeVisible()
  await expect(page.locator('.answer-text')).toContainText('imported words')
  expect(await page.evaluate(() => '__ran' in window)).toBe(false)
})

test('a thousand of them are listed and searched quickly', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const list = listOf(page)
  const messages = (i: number) => ['user', 'assistant'].map((role) => ({ role, content: `${'words and words '.repeat(150)} number${i}` }))
  const chats = Array.from({ length: 1000 }, (_, i) => ({
    title: `Chat ${i}`,
    created_at: 1_700_000_000 + i,
    chat: { messages: messages(i) },
  }))
  await list.getByRole('link', { name: 'New chat' }).focus()
  await list
    .getByLabel('Files to import')
    .setInputFiles({ name: 'many.json', mimeType: 'application/json', buffer: Buffer.from(JSON.stringify(chats)) })
  await expect(page.getByText('Imported 1000 conversations.')).toBeVisible({ timeout: 60_000 })
  await expect(list.getByRole('link', { name: 'Chat 999' })).toBeVisible()
  expect(await list.getByRole('listitem').count()).toBeLessThan(200)
  await list.getByRole('searchbox').fill('number7 ')
  await expect(list.getByText('One conversation.')).toHaveCount(0)
  await expect(list.getByText('111 conversations.')).toBeVisible({ timeout: 30_000 })
  // The texts are here now: another search is a matter of milliseconds.
  const took = await page.evaluate(async () => {
    const field = document.querySelector<HTMLInputElement>('aside input[type=search]')!
    const status = document.querySelector('aside [role=status]')!
    const began = performance.now()
    field.value = 'number77'
    field.dispatchEvent(new InputEvent('input', { bubbles: true }))
    while (!status.isConnected || !/^11 conv/.test(document.querySelector('aside [role=status]')?.textContent ?? ''))
      await new Promise(requestAnimationFrame)
    return performance.now() - began
  })
  // 120 ms of it are waiting for the next key.
  expect(took).toBeLessThan(1500)
})

test('an answer goes on while another conversation is open, and the next one waits for it', async ({ fake }) => {
  const { page } = fake
  await fake.open({ ms: '40' })
  await fake.ask('Why a navy?')
  await expect(page.getByLabel('Answer', { exact: true })).toContainText('We have')
  await page.getByRole('link', { name: 'New chat' }).click()
  await fake.ask('Something about bees')
  await expect(page.getByText('Waiting for the answer before this one.')).toBeVisible()
  await fake.answered()
  await listOf(page).getByRole('link', { name: 'Why a navy?' }).click()
  await expect(page.getByText('— Woodrow Wilson')).toBeVisible()
})

test('an address of a conversation that is not here says so', async ({ fake }) => {
  await fake.open({}, '#/chat/nowhere')
  await expect(fake.page.getByText('This conversation is not on this machine.')).toBeVisible()
})
