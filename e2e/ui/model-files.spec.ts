// A model that comes in several files: its parts chosen together, a folder, a folder dropped. On the page's fakes; what the
// worker makes of them is in src/workers/library-desk.test.ts.
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from './fake-page.ts'

const file = (name: string) => ({ name, mimeType: 'application/octet-stream', buffer: Buffer.from('GGUF') })
const part = (number: number) => file(`own-0000${number}-of-00003.gguf`)

test('all parts of a model are chosen together, and a missing one is named', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  await page.getByText('Add a model').click()
  const choose = page.getByLabel('choose a file')
  await choose.setInputFiles([part(1), part(2)])
  await expect(page.getByRole('alert')).toContainText('own-00003-of-00003.gguf')
  await choose.setInputFiles([part(1), part(2), part(3)])
  await expect(page.getByRole('article', { name: 'own', exact: true })).toContainText('the file does not say')
  await expect(page.getByRole('alert')).toHaveCount(0)
})

test('a folder is chosen by the keyboard or dropped, and gives the model its name', async ({ fake }) => {
  const { page } = fake
  await fake.open({}, '#/models')
  await page.getByText('Add a model').click()
  const folder = join(mkdtempSync(join(tmpdir(), 'oc-')), 'My-Llama')
  mkdirSync(folder)
  for (const name of ['config.json', 'tokenizer.json', 'model.safetensors']) writeFileSync(join(folder, name), '{}')
  const choose = page.getByLabel('choose a folder').first()
  // The room takes the focus to its heading when it has arrived.
  await expect(async () => {
    await choose.focus()
    await expect(choose).toBeFocused({ timeout: 500 })
  }).toPass()
  await choose.setInputFiles(folder)
  await expect(page.getByRole('article', { name: 'My-Llama' })).toBeVisible()

  // A drop of a folder: its entry is a directory, and `files` would hold nothing of use.
  await page.getByRole('group', { name: 'Add a model' }).evaluate((zone) => {
    const named = (name: string) => ({
      isFile: true,
      isDirectory: false,
      fullPath: `/Dropped/${name}`,
      file: (found: (file: File) => void) => found(new File(['{}'], name)),
    })
    const rounds = [[named('config.json'), named('model.safetensors')], []]
    const entry = {
      isFile: false,
      isDirectory: true,
      createReader: () => ({ readEntries: (found: (entries: unknown[]) => void) => found(rounds.shift() ?? []) }),
    }
    const drop = new Event('drop', { bubbles: true, cancelable: true })
    Object.defineProperty(drop, 'dataTransfer', { value: { items: [{ webkitGetAsEntry: () => entry }], files: [] } })
    zone.dispatchEvent(drop)
  })
  await expect(page.getByRole('article', { name: 'Dropped' })).toBeVisible()
})
