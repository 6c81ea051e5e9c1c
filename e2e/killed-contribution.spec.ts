// A contribution whose page is closed twice on its way: as the commit is sent, and as the reveal is sent, each time with the answer
// lost. The next page offers to go on, and the datanet holds the text exactly once. Every step is in
// devnet/killed-contribution.chain.test.ts; this is the page's own part of it.
import { expect, test } from '@playwright/test'
import { chainReader } from './chain-reader.ts'
import { startMeddlingProxy } from './meddling-proxy.ts'
import { createDatanet, devnetSettings, newVisitor, pageUrl, writeContribution } from './real-page.ts'

const TITLE = 'Of dry stone walls'
const TEXT =
  'A dry stone wall is built in two faces that lean on each other, with small stones packed between them and long ones laid through both at knee and at hip, so that frost lifts it in winter and it settles again in spring without a fallen cope.'

test('a page that is closed as it commits and as it reveals contributes exactly once', async ({ browser }) => {
  test.setTimeout(240_000)
  const node = await startMeddlingProxy((await devnetSettings()).rpcUrl)
  const { context, page: first, errors } = await newVisitor(browser, { metered: true, settings: { rpcUrl: node.url } })
  const datanet = await createDatanet(first, 'Dry stone')
  await writeContribution(first, { text: TEXT, title: TITLE, author: 'Mats Lind' })

  /** The next transaction arrives, and from then on the page hears nothing. */
  const loseNextTransaction = () => {
    let lost = false
    node.behave = ({ body }) => {
      if (lost) return 'stall'
      lost = body.includes('eth_sendRawTransaction')
      return lost ? 'lose' : 'pass'
    }
    const before = node.carried.filter(({ body }) => body.includes('eth_sendRawTransaction')).length
    return () =>
      expect
        .poll(() => node.carried.filter(({ body }) => body.includes('eth_sendRawTransaction')).length, { timeout: 60_000 })
        .toBe(before + 1)
  }
  const unfinished = async () => {
    const page = await context.newPage()
    await page.goto(pageUrl(`#/datanets/${datanet}/contribute`))
    await expect(page.getByText(`“${TITLE}” was being published and is not finished.`)).toBeVisible({ timeout: 60_000 })
    return page
  }

  const committed = loseNextTransaction()
  await first.getByRole('button', { name: 'Publish' }).click({ timeout: 60_000 })
  await committed()
  await first.close()
  node.behave = () => 'pass'

  const second = await unfinished()
  const revealed = loseNextTransaction()
  await second.getByRole('button', { name: 'Go on publishing' }).click()
  await revealed()
  await second.close()
  node.behave = () => 'pass'

  const third = await unfinished()
  await third.getByRole('button', { name: 'Go on publishing' }).click()
  await expect(third.getByRole('heading', { name: 'Published' })).toBeVisible({ timeout: 60_000 })
  expect(await (await chainReader()).contributions(BigInt(datanet))).toHaveLength(1)
  // A commit, a reveal, and nothing twice: the datanet itself and its coin came before.
  const sent = node.carried.filter(({ body }) => body.includes('eth_sendRawTransaction')).length
  expect(sent).toBe(3)
  await third.reload()
  await expect(third.getByText('is not finished.')).toHaveCount(0)
  expect(errors).toEqual([])
  await context.close()
  await node.close()
})
