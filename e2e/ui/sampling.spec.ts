// The sampling panel: presets and single numbers by keyboard, what an engine does not take, and that all of it is found again.
// On fakes; that the numbers change what is drawn is shown in src/gpu.
import { expect, test, violations } from './fake-page.ts'

test('a preset writes its numbers, a key changes one of them, and a reload finds it again', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  const panel = page.getByRole('button', { name: 'Sampling' })
  const preset = page.getByRole('combobox', { name: 'Preset', exact: true })
  const presence = page.getByRole('slider', { name: 'Presence penalty' })
  await panel.focus()
  await page.keyboard.press('Enter')
  await preset.selectOption('varied')
  await expect(presence).toHaveValue('0.5')
  await expect(page.getByRole('slider', { name: 'Frequency penalty' })).toHaveValue('0.5')
  await presence.focus()
  await page.keyboard.press('ArrowRight')
  await expect(presence).toHaveValue('0.6')
  await expect(preset).toHaveValue('custom')
  await page.getByRole('slider', { name: 'Min-p' }).fill('0.05')
  await page.getByRole('slider', { name: 'Repetition penalty' }).fill('1.2')
  expect(await violations(page)).toEqual([])
  await page.reload()
  await panel.click()
  await expect(presence).toHaveValue('0.6')
  await expect(page.getByRole('slider', { name: 'Min-p' })).toHaveValue('0.05')
  await expect(page.getByRole('slider', { name: 'Repetition penalty' })).toHaveValue('1.2')
  // Back to nothing: a number that changes nothing is not kept.
  await preset.selectOption('precise')
  await expect(presence).toHaveValue('0')
  await expect(page.getByRole('slider', { name: 'Min-p' })).toBeDisabled()
  await expect(presence).toBeEnabled()
  const kept = await page.evaluate(() => localStorage.getItem('open-chat/preferences'))
  expect(kept).not.toMatch(/Penalty|minP/)
})

test('an engine is offered only what it takes, and the panel says what is missing', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await page.getByRole('button', { name: 'Sampling' }).click()
  await expect(page.getByRole('textbox', { name: 'Top-k' })).toBeVisible()
  await expect(page.getByText('Not taken by this engine')).toHaveCount(0)
  await page.getByRole('slider', { name: 'Min-p' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: /^Model and adapter/ }).click()
  await page.getByRole('combobox', { name: 'Model', exact: true }).selectOption({ label: 'Llama 3.2 1B, web-llm' })
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Sampling' }).click()
  await expect(page.getByText('Not taken by this engine: Top-k, Min-p.')).toBeVisible()
  await expect(page.getByRole('textbox', { name: 'Top-k' })).toHaveCount(0)
  await expect(page.getByRole('slider', { name: 'Min-p' })).toHaveCount(0)
  await expect(page.getByRole('slider', { name: 'Repetition penalty' })).toBeVisible()
})

test('on a phone every number is within the screen and can be reached', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 360, height: 640 })
  await fake.open()
  await page.getByRole('button', { name: 'Sampling' }).click()
  await page.getByRole('combobox', { name: 'Preset', exact: true }).selectOption('balanced')
  for (const slider of await page.getByRole('slider').all()) {
    await slider.scrollIntoViewIfNeeded()
    const box = (await slider.boundingBox())!
    expect(box.x).toBeGreaterThanOrEqual(0)
    expect(box.x + box.width).toBeLessThanOrEqual(360)
  }
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360)
  expect(await violations(page)).toEqual([])
})
