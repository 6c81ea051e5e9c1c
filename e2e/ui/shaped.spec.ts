// Who shaped an answer: where its tokens come from, whose they are, how the fee is split, where else the words stand, and the
// way of the receipt; by keyboard, and in words for those who see no picture.
import { expect, test, violations } from './fake-page.ts'

test('tokens, contributors and the split of the fee are said in words and drawn to scale', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  const shaped = page.getByRole('group', { name: 'Who shaped it' })
  await expect(shaped).toContainText('92 % read for this answer (36 tokens)')
  await expect(shaped).toContainText('8 % the model’s own or too ordinary to trace (3 tokens)')
  await expect(shaped).toContainText('1 of 2 matches stand in several places, and the earliest is paid.')
  await expect(shaped.getByRole('list', { name: 'Words by contributor' }).getByRole('listitem')).toHaveText([
    /Woodrow Wilson.*36 tokens, 92 %/,
  ])
  await expect(shaped.getByRole('img', { name: /The fee of/ })).toBeHidden()
  await shaped.getByText('How a fee of 0.001 OPEN would be split').press('Enter')
  const flow = shaped.getByRole('img', { name: 'The fee of 0.001 OPEN goes to 2 receivers' })
  await expect(flow).toBeVisible()
  const wide = await flow.locator('path').evaluateAll((bands) =>
    bands.map((band) => {
      // The left edge of a band: from its first point to its last.
      const at = (band.getAttribute('d') ?? '').match(/-?\d+(\.\d+)?/g)!.map(Number)
      return at.at(-1)! - at[1]
    }),
  )
  expect(wide).toHaveLength(2)
  expect(wide[0] / (wide[0] + wide[1])).toBeCloseTo(0.896, 2)
  // Nobody else is drawn: model, stakers and treasury receive nothing by today's parameters.
  await expect(flow).not.toContainText(/model|stakers|treasury/i)
  await expect(shaped.getByRole('table', { name: 'The split of the fee by document' })).toContainText('The rest goes to the commons')
  await shaped.getByRole('list', { name: 'Words by contributor' }).getByRole('button', { name: 'Woodrow Wilson' }).press('Enter')
  await expect(page.getByRole('dialog', { name: 'State of the Union 1915' })).toBeVisible()
})

test('a span that stands in several places tells where, each with its words and licence', async ({ fake }) => {
  const { page } = fake
  await fake.open()
  await fake.ask('Why a navy?')
  await fake.answered()
  await page.locator('mark[data-span]').last().press('Enter')
  const panel = page.getByRole('dialog', { name: 'State of the Union 1915' })
  await panel.getByText('It stands in one other place').press('Enter')
  const place = panel.getByRole('listitem')
  await expect(place).toContainText('Theodore Roosevelt, 1901 · Public speech · Public domain')
  await expect(place.locator('mark')).toHaveText('We have always seen it to be our manifest course of prudence to be strong on the seas.')
  expect(await violations(page)).toEqual([])
  await place.getByRole('button', { name: 'State of the Union 1901' }).press('Enter')
  await expect(page.getByRole('dialog', { name: 'State of the Union 1901' })).toContainText('The Monroe Doctrine')
})

test('the receipt walks from signed to paid, step by step', async ({ fake }) => {
  const { page } = fake
  await fake.open({ window: '1500' })
  await page.getByRole('switch', { name: 'Pay contributors' }).press('Space')
  await page.getByRole('dialog').getByRole('button', { name: 'Turn on' }).press('Enter')
  await fake.ask('Why a navy?')
  await fake.answered()
  const track = page.getByRole('list', { name: 'The way of the receipt' })
  await expect(track.locator('[aria-current="step"]')).toHaveText('posted')
  await expect(page.getByText(/challengeable until/)).toBeVisible()
  await expect(track.locator('[aria-current="step"]')).toHaveText('paid')
  await expect(page.getByRole('link', { name: 'Verify here' })).toBeVisible()
})

test('the way to the latest words covers none of them on a phone', async ({ fake }) => {
  const { page } = fake
  await page.setViewportSize({ width: 360, height: 740 })
  await fake.open()
  await fake.ask('something rich')
  await fake.answered()
  const log = page.locator('.log')
  await log.evaluate((box) => box.scrollTo(0, 0))
  const latest = page.getByRole('button', { name: 'To latest' })
  await expect(latest).toBeVisible()
  const [button, words] = [await latest.boundingBox(), await log.boundingBox()]
  expect(button!.y).toBeGreaterThanOrEqual(words!.y + words!.height)
  await latest.press('Enter')
  await expect(latest).toHaveCount(0)
})
