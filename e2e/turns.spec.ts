// Two adapters answer one question beside each other from the real engine, in one batch: each is traced by itself and named
// by the digest that spoke, the context is counted by the model's own tokenizer, and one is gone on with.
import { expect, test } from '@playwright/test'
import { find, path } from '../src/chat/conversation.ts'
import { ANSWER_MS, ask, keptConversation, modelReady, mostTokens, newVisitor, pageUrl } from './real-page.ts'

test('two adapters answer side by side from one batch', async ({ browser }) => {
  test.setTimeout(2 * ANSWER_MS)
  const visitor = await newVisitor(browser)
  const { page } = visitor
  await page.goto(pageUrl())
  await modelReady(page)
  await page.getByRole('button', { name: 'Model and adapter' }).click()
  await page.getByRole('group', { name: 'Model and adapter' }).getByRole('checkbox', { name: 'no adapter' }).check()
  await page.keyboard.press('Escape')
  await mostTokens(page, 10)
  await ask(page, 'What is the Monroe Doctrine about?')

  const answers = page.getByRole('article', { name: 'Answer' })
  // Both at once, not one after the other: the first of them is still running when the second begins.
  await expect(page.locator('article[data-state="running"]')).toHaveCount(2, { timeout: ANSWER_MS })
  for (const nth of [0, 1]) {
    await expect(answers.nth(nth)).toHaveAttribute('data-state', /too_long|complete/, { timeout: ANSWER_MS })
    await expect(answers.nth(nth).getByText('Who shaped it')).toBeVisible({ timeout: 60_000 })
  }
  const kept = await keptConversation(page)
  const [question] = path(kept)
  if (question?.role !== 'user') throw new Error('The first message is no question.')
  const [quoting, plain] = question.columns!.map((id) => find(kept, id))
  if (quoting?.role !== 'assistant' || plain?.role !== 'assistant') throw new Error('The columns are no answers.')
  expect(quoting.speaker).toMatchObject({ engine: 'local', adapter: expect.stringMatching(/^[0-9a-f]{64}$/) })
  expect(plain.speaker).toMatchObject({ engine: 'local', adapter: null })
  expect(quoting.context).toMatchObject({ exact: true, droppedTurns: 0, answerTokens: 10 })
  expect(quoting.trace?.answerTokens).toBeGreaterThan(0)
  expect(quoting.usage?.promptTokens).toBe(quoting.context?.promptTokens)

  await page.getByRole('button', { name: 'Go on with this one' }).nth(1).click()
  await expect(answers).toHaveCount(1)
  await expect(page.getByText('2 of 2', { exact: true })).toBeVisible()
  expect(visitor.errors).toEqual([])
  await visitor.context.close()
})
