// Money on the real chain, without a model: coin from the faucet, a deposit, its withdrawal after the delay, everything moved away;
// a wallet beside the page that pays into the deposit of the page's key with one question; the same account in another profile.
import { expect, type Page, test } from '@playwright/test'
import { createPublicClient, createWalletClient, defineChain, http } from 'viem'
import { generatePrivateKey, privateKeyToAccount } from 'viem/accounts'
import { attributionsAbi } from '../src/wallet/contracts.generated.ts'
import { devnetSettings, newVisitor, pageUrl, type Visitor } from './real-page.ts'

const OPEN = 10n ** 18n

async function chain() {
  const { rpcUrl, addresses } = await devnetSettings()
  const client = createPublicClient({ transport: http(rpcUrl) })
  return {
    balance: (address: string) => client.getBalance({ address: address as `0x${string}` }),
    async deposit(payer: string) {
      const args = [payer as `0x${string}`] as const
      const [wei] = await client.readContract({ address: addresses.attributions, abi: attributionsAbi, functionName: 'deposits', args })
      return wei
    },
  }
}

/** A wallet with a key of its own, in every page of this visitor. It counts its questions and says no while told to. */
async function injectWallet({ context }: Visitor) {
  const { rpcUrl, chainId, faucetUrl } = await devnetSettings()
  const account = privateKeyToAccount(generatePrivateKey())
  await fetch(faucetUrl, { method: 'POST', body: JSON.stringify({ address: account.address }) })
  const nativeCurrency = { name: 'OPEN', symbol: 'OPEN', decimals: 18 }
  const devnet = defineChain({ id: chainId, name: 'devnet', nativeCurrency, rpcUrls: { default: { http: [rpcUrl] } } })
  const client = createWalletClient({ account, chain: devnet, transport: http(rpcUrl) })
  const wallet = { account, questions: [] as string[], refusing: false }
  await context.exposeFunction('testWallet', async (method: string, params: unknown[]) => {
    if (method === 'eth_requestAccounts' || method === 'eth_sendTransaction') {
      wallet.questions.push(method)
      if (wallet.refusing) return { error: { code: 4001, message: 'no' } }
    }
    if (method.endsWith('ccounts')) return { result: [account.address] }
    if (method === 'eth_sendTransaction') {
      const { to, value = '0x0', data } = params[0] as { to: `0x${string}`; value?: string; data?: `0x${string}` }
      return { result: await client.sendTransaction({ to, value: BigInt(value), ...(data ? { data } : {}) }) }
    }
    return { result: await client.request({ method, params } as never) }
  })
  await context.addInitScript(() => {
    const ask = (window as unknown as { testWallet(method: string, params: unknown[]): Promise<{ result?: unknown; error?: object }> })
      .testWallet
    const provider = {
      async request({ method, params = [] }: { method: string; params?: unknown[] }) {
        const { result, error } = await ask(method, params)
        if (error) throw error
        return result
      },
    }
    const detail = Object.freeze({ info: { uuid: '1', rdns: 'test.wallet', name: 'Test Wallet', icon: '' }, provider })
    window.addEventListener('eip6963:requestProvider', () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })))
  })
  return wallet
}

const money = (page: Page) => page.getByRole('region', { name: 'Money' })
const keyAddress = async (page: Page) => {
  await page.goto(pageUrl('#/settings/account'))
  await expect(page.locator('[data-address]')).toHaveText(/^0x[0-9a-f]{40}$/, { timeout: 30_000 })
  return (await page.locator('[data-address]').textContent())!
}

test('coin comes from the faucet, is deposited, taken back after the delay, and moved away', async ({ browser }) => {
  test.setTimeout(180_000)
  const visitor = await newVisitor(browser)
  const { page } = visitor
  const address = await keyAddress(page)
  await page.goto(pageUrl('#/ledger'))
  await expect(money(page)).toContainText('its hash was recomputed')
  await money(page).getByRole('button', { name: 'Get devnet OPEN' }).click()
  await expect(money(page)).toContainText('10 OPEN', { timeout: 30_000 })
  await money(page).getByLabel('OPEN to deposit').fill('2.5')
  await money(page).getByRole('button', { name: 'Deposit', exact: true }).click()
  await expect(money(page)).toContainText('pays for 2,500 answers', { timeout: 30_000 })
  expect(await (await chain()).deposit(address)).toBe((25n * OPEN) / 10n)

  await money(page).getByText('Take the deposit back').first().click()
  await money(page).getByRole('button', { name: 'Take the deposit back' }).click()
  await expect(money(page)).toContainText('(block time)', { timeout: 30_000 })
  await money(page).getByRole('button', { name: 'Withdraw now' }).click()
  await expect(money(page).getByRole('alert')).toContainText('WithdrawalLocked', { timeout: 30_000 })

  // Another profile with the same words sees the same account.
  await page.goto(pageUrl('#/settings/account'))
  await page.getByRole('button', { name: 'Show the words' }).click()
  const phrase = await page.getByRole('list', { name: 'Recovery phrase' }).getByRole('listitem').allTextContents()
  const second = await newVisitor(browser)
  await keyAddress(second.page)
  await second.page.getByText('Restore or change the account').click()
  await second.page.getByLabel('Recovery phrase', { exact: true }).fill(phrase.join(' '))
  await second.page.getByRole('button', { name: 'Restore from words' }).click()
  await expect(second.page.locator('[data-address]')).toHaveText(address)
  await second.page.goto(pageUrl('#/ledger'))
  await expect(money(second.page)).toContainText('pays for 2,500 answers', { timeout: 30_000 })

  const button = money(second.page).getByRole('button', { name: 'Withdraw now' })
  await money(second.page).getByText('Take the deposit back').first().click()
  await expect(async () => {
    await button.click()
    await expect(money(second.page)).toContainText('pays for 0 answers', { timeout: 8_000 })
  }).toPass({ timeout: 90_000 })
  const target = privateKeyToAccount(generatePrivateKey()).address
  await money(second.page).getByText('Move funds').first().click()
  await money(second.page).getByLabel('Account to move them to').fill(target)
  await money(second.page).getByRole('button', { name: 'Move funds' }).click()
  await expect(second.page.getByText(/OPEN were moved/)).toBeVisible({ timeout: 30_000 })
  expect(await (await chain()).balance(target)).toBeGreaterThan((99n * OPEN) / 10n)
  expect([...visitor.errors, ...second.errors]).toEqual([])
  await Promise.all([visitor.context.close(), second.context.close()])
})

test('a wallet opens the session of the page’s key with one question; a no sends nothing', async ({ browser }) => {
  const visitor = await newVisitor(browser)
  const wallet = await injectWallet(visitor)
  const { page } = visitor
  const payer = await keyAddress(page)
  await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
  await expect(page.getByText('Test Wallet is connected.')).toBeVisible({ timeout: 30_000 })
  await page.goto(pageUrl('#/ledger'))
  await expect(money(page)).toContainText('10 OPEN', { timeout: 30_000 })
  await expect(money(page)).toContainText(wallet.account.address.toLowerCase())
  wallet.refusing = true
  await money(page).getByLabel('OPEN to deposit').fill('0.2')
  await money(page).getByRole('button', { name: 'Deposit', exact: true }).click()
  await expect(money(page).getByRole('alert')).toContainText('Test Wallet was told no, so nothing was done.', { timeout: 30_000 })
  const { deposit, balance } = await chain()
  expect(await deposit(payer)).toBe(0n)
  wallet.refusing = false
  await money(page).getByRole('button', { name: 'Deposit', exact: true }).click()
  await expect(money(page)).toContainText('pays for 200 answers', { timeout: 30_000 })
  expect(await deposit(payer)).toBe(OPEN / 5n)
  expect(await balance(payer)).toBe(0n)
  expect(wallet.questions).toEqual(['eth_requestAccounts', 'eth_sendTransaction', 'eth_sendTransaction'])
  expect(visitor.errors).toEqual([])
  await visitor.context.close()
})

test('other servers are kept only when each is what it should be', async ({ browser }) => {
  const { context, page, errors } = await newVisitor(browser)
  const { rpcUrl, daUrl, validatorUrls } = await devnetSettings()
  await keyAddress(page)
  const servers = page.getByRole('region', { name: 'Servers' })
  await expect(servers.getByLabel('Chain (RPC)', { exact: true })).toHaveValue(rpcUrl)
  await servers.getByLabel('Data availability').fill('http://127.0.0.1:9/')
  await servers.getByLabel('Validators, one a line').fill('http://127.0.0.1:9/')
  await servers.getByRole('button', { name: 'Test and keep' }).click()
  await expect(servers.getByText('Nothing was changed')).toBeVisible({ timeout: 20_000 })
  await expect(servers.locator('li[data-ok="true"]').first()).toContainText('with the contracts, proven')
  await expect(servers.locator('li[data-ok="false"]')).toHaveCount(2)
  await expect(servers.locator('li[data-ok="false"]').last()).toContainText('It cannot be reached.')
  await servers.getByLabel('Data availability').fill(daUrl)
  await servers.getByLabel('Validators, one a line').fill(`${validatorUrls[0]}`)
  await servers.getByLabel('More RPCs').fill(rpcUrl)
  await servers.getByRole('button', { name: 'Test and keep' }).click()
  await expect(servers.getByText('They are kept.')).toBeVisible({ timeout: 20_000 })
  await page.reload()
  await expect(servers.getByText('These are your own choice.')).toBeVisible()
  await servers.getByRole('button', { name: 'Use the servers of the page' }).click()
  await expect(servers.getByText('These are your own choice.')).toHaveCount(0)
  expect(errors).toEqual([])
  await context.close()
})
