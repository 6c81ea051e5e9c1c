// The key and its care, over real keys and a chain that is only a number: back-up and restore, locks by passphrase and passkey
// (Chromium's virtual authenticator), wallets beside the page that are honest, refuse, lie, are silent or go, and deletion.
import type { Page } from '@playwright/test'
import { expect, test, violations } from './fake-page.ts'

const address = (page: Page) => page.locator('[data-address]').textContent()

async function openAccount(fake: { open(knobs?: Record<string, string>, room?: string): Promise<void>; page: Page }) {
  await fake.open({}, '#/settings/account')
  await expect(fake.page.locator('[data-address]')).toHaveText(/^0x[0-9a-f]{40}$/)
}

async function words(page: Page): Promise<string[]> {
  await page.getByRole('button', { name: 'Show the words' }).click()
  return page.getByRole('list', { name: 'Recovery phrase' }).getByRole('listitem').allTextContents()
}

async function chooseLock(page: Page, passphrase: string) {
  await page.getByRole('radio', { name: 'A passphrase' }).check()
  await page.getByLabel('Passphrase', { exact: true }).last().fill(passphrase)
  await page.getByLabel('The same again').fill(passphrase)
  await page.getByRole('button', { name: 'Use this' }).click()
  await expect(page.getByText('The key is now opened by another lock.')).toBeVisible()
}

test('twelve words back the account up, and bring it back after another took its place', async ({ fake }) => {
  const { page } = fake
  await openAccount(fake)
  const first = await address(page)
  const phrase = await words(page)
  expect(phrase).toHaveLength(12)
  const places = (
    await page.getByLabel(/^Word \d+$/).evaluateAll((inputs) => inputs.map((input) => input.closest('label')!.textContent!))
  ).map((label) => Number(/\d+/.exec(label)![0]))
  await page.getByLabel(`Word ${places[0]}`, { exact: true }).fill('zebra')
  await page.getByLabel(`Word ${places[1]}`, { exact: true }).fill(phrase[places[1]! - 1]!)
  await page.getByRole('button', { name: 'I have written them down' }).click()
  await expect(page.getByText(`Word ${places[0]} is another one.`)).toBeVisible()
  await page.getByLabel(`Word ${places[0]}`, { exact: true }).fill(phrase[places[0]! - 1]!)
  await page.getByRole('button', { name: 'I have written them down' }).click()
  await expect(page.getByText('The back-up is confirmed.')).toBeVisible()
  await expect(page.getByRole('list', { name: 'Recovery phrase' })).toHaveCount(0)

  await page.getByRole('button', { name: 'Show the words' }).click()
  await page.getByText('Restore or change the account').click()
  const fresh = page.getByRole('button', { name: 'Start a new account' })
  const typed = page.getByLabel('Recovery phrase', { exact: true })
  // What is typed while it works stays, and the words of the account before are not shown as those of the new one.
  await fresh.evaluate((button: HTMLButtonElement) => {
    button.click()
    const field = document.querySelector<HTMLTextAreaElement>('textarea.hex')!
    field.value = 'typed meanwhile'
    field.dispatchEvent(new Event('input', { bubbles: true }))
  })
  await expect(page.locator('[data-address]')).not.toHaveText(first!)
  await expect(fresh).toBeEnabled()
  await expect(typed).toHaveValue('typed meanwhile')
  await expect(page.getByRole('list', { name: 'Recovery phrase' })).toHaveCount(0)
  await typed.fill(phrase.with(6, 'zebr').join(' '))
  await page.getByRole('button', { name: 'Restore from words' }).click()
  await expect(page.getByText('Word 7, “zebr”, is not on the list of words. Did you mean “zebra”?')).toBeVisible()
  await typed.fill(phrase.join('  ').toUpperCase())
  await page.getByRole('button', { name: 'Restore from words' }).click()
  await expect(page.locator('[data-address]')).toHaveText(first!)
  await expect(page.getByText(/^put aside \d/)).toHaveCount(1)
  await page.reload()
  await expect(page.locator('[data-address]')).toHaveText(first!)
})

test('a key file goes through another profile and gives the same address', async ({ fake, browser }) => {
  const { page } = fake
  await openAccount(fake)
  await page.getByText('Save a key file').first().click()
  await page.getByLabel('Passphrase', { exact: true }).first().fill('on a stick in a drawer')
  const download = page.waitForEvent('download')
  await page.getByRole('button', { name: 'Save a key file' }).click()
  const file = await (await download).path()
  const other = await browser.newPage()
  await other.goto(page.url())
  await other.getByText('Restore or change the account').click()
  await other.getByLabel('Key file', { exact: true }).setInputFiles(file)
  await other.getByLabel('Passphrase of the file').fill('on a stick')
  await other.getByRole('button', { name: 'Restore from the file' }).click()
  await expect(other.getByText('That passphrase does not open the key file.')).toBeVisible({ timeout: 20_000 })
  await other.getByLabel('Passphrase of the file').fill('on a stick in a drawer')
  await other.getByRole('button', { name: 'Restore from the file' }).click()
  await expect(other.locator('[data-address]')).toHaveText((await address(page))!, { timeout: 20_000 })
  await other.close()
})

test('a passphrase locks the key: an answer then pays nobody and says so; a wrong one opens nothing', async ({ fake }) => {
  const { page } = fake
  await openAccount(fake)
  const before = await address(page)
  await chooseLock(page, 'correct horse battery')
  await page.getByRole('button', { name: 'Lock now' }).click()
  await expect(page.locator('[data-locked]')).toHaveText('locked')
  await expect(page.getByRole('button', { name: 'Show the words' })).toHaveCount(0)
  await page.reload()
  await expect(page.locator('[data-locked]')).toHaveText('locked')
  expect(await address(page)).toBe(before)

  await page.goto(page.url().replace(/#.*/, '#/chat'))
  await page.getByRole('switch', { name: 'Pay contributors' }).click()
  await page.getByRole('button', { name: 'Turn on' }).click()
  await fake.ask('Why a navy?')
  await fake.answered()
  await expect(page.getByText('The account of this browser is locked, so this answer paid nobody.')).toBeVisible()

  await page.goto(page.url().replace(/#.*/, '#/settings/account'))
  await page.getByLabel('Passphrase', { exact: true }).fill('correct horse')
  await page.getByRole('button', { name: 'Unlock', exact: true }).click()
  await expect(page.getByText('That passphrase does not open the account.')).toBeVisible()
  await page.getByLabel('Passphrase', { exact: true }).fill('correct horse battery')
  await page.getByRole('button', { name: 'Unlock', exact: true }).click()
  await expect(page.locator('[data-locked]')).toHaveText('unlocked')
})

test.describe('under a name, as WebAuthn demands', () => {
  let ip: string | undefined
  test.beforeAll(() => {
    ip = process.env.OPEN_CHAT_FAKE_URL
    process.env.OPEN_CHAT_FAKE_URL = ip?.replace('127.0.0.1', 'localhost')
  })
  test.afterAll(() => {
    process.env.OPEN_CHAT_FAKE_URL = ip
  })

  test('a passkey locks and opens the key; without its secret it stays locked', async ({ fake, browserName }) => {
    expect(browserName).toBe('chromium')
    const { page } = fake
    const authenticators = await page.context().newCDPSession(page)
    await authenticators.send('WebAuthn.enable')
    const options = {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
    } as const
    const { authenticatorId } = await authenticators.send('WebAuthn.addVirtualAuthenticator', {
      options: { ...options, hasPrf: true, automaticPresenceSimulation: true, isUserVerified: true },
    })
    await openAccount(fake)
    const before = await address(page)
    await page.getByRole('radio', { name: 'A passkey' }).check()
    await page.getByRole('button', { name: 'Use this' }).click()
    await expect(page.getByText('The key is now opened by another lock.')).toBeVisible()
    await page.getByRole('button', { name: 'Lock now' }).click()
    await expect(page.locator('[data-locked]')).toHaveText('locked')
    await page.getByRole('button', { name: 'Unlock with the passkey' }).click()
    await expect(page.locator('[data-locked]')).toHaveText('unlocked')
    expect(await address(page)).toBe(before)
    await page.reload()
    await expect(page.locator('[data-locked]')).toHaveText('locked')
    await authenticators.send('WebAuthn.clearCredentials', { authenticatorId })
    await page.getByRole('button', { name: 'Unlock with the passkey' }).click()
    await expect(page.getByText('The passkey was not given.')).toBeVisible()
    await expect(page.locator('[data-locked]')).toHaveText('locked')
  })

  test('an authenticator without PRF leaves the lock as it was', async ({ fake }) => {
    const { page } = fake
    const authenticators = await page.context().newCDPSession(page)
    await authenticators.send('WebAuthn.enable')
    await authenticators.send('WebAuthn.addVirtualAuthenticator', {
      options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
    })
    await openAccount(fake)
    await page.getByRole('radio', { name: 'A passkey' }).check()
    await page.getByRole('button', { name: 'Use this' }).click()
    await expect(page.getByText('has no passkeys that can hold a secret')).toBeVisible()
    await page.reload()
    await expect(page.locator('[data-locked]')).toHaveText('unlocked')
  })
})

type Manner = 'honest' | 'refusing' | 'elsewhere' | 'stubborn' | 'lying' | 'silent'

/** A wallet in the page, before its scripts; `elsewhere` does not know the chain until it is added. */
async function inject(page: Page, manner: Manner) {
  await page.addInitScript((how: Manner) => {
    if (localStorage.getItem('test-wallet-gone')) return
    const account = `0x${'Ab'.repeat(20)}`
    let chain = how === 'elsewhere' || how === 'stubborn' ? '0x1' : '0xa455'
    let known = false
    const asked: string[] = []
    Object.assign(window, { asked })
    const fail = (code: number) => Promise.reject(Object.assign(new Error('no'), { code }))
    const provider = {
      on: () => undefined,
      removeListener: () => undefined,
      request({ method, params }: { method: string; params?: { chainId: string }[] }): Promise<unknown> {
        asked.push(method)
        if (how === 'silent') return new Promise(() => undefined)
        if (how === 'lying') return Promise.resolve({ toString: 'not a function' })
        if (how === 'refusing') return fail(4001)
        if (method === 'wallet_switchEthereumChain') {
          if (how === 'stubborn') return fail(4001)
          if (!known) return fail(4902)
        }
        if (method.startsWith('wallet_')) {
          known = true
          chain = params![0]!.chainId
          return Promise.resolve(null)
        }
        return Promise.resolve(method === 'eth_chainId' ? chain : [account])
      },
    }
    const detail = Object.freeze({
      info: { uuid: '1', rdns: 'test.wallet', name: 'Test Wallet', icon: 'https://tracker.invalid/pixel.png' },
      provider,
    })
    const announce = () => window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }))
    window.addEventListener('eip6963:requestProvider', announce)
  }, manner)
}

test('without a wallet the page says so', async ({ fake }) => {
  await fake.open({}, '#/settings/wallet')
  await expect(fake.page.getByText('No wallet announces itself in this browser.')).toBeVisible()
})

test('a wallet connects without another question at the next visit; once it is gone, that is said', async ({ fake }) => {
  const { page } = fake
  await inject(page, 'honest')
  await fake.open({}, '#/settings/wallet')
  await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
  await expect(page.getByText('Test Wallet is connected.')).toBeVisible()
  await page.reload()
  await expect(page.getByText('Test Wallet is connected.')).toBeVisible()
  expect(await page.evaluate(() => (window as unknown as { asked: string[] }).asked)).toEqual(['eth_accounts'])
  await page.goto(page.url().replace(/#.*/, '#/ledger'))
  await expect(page.getByText('Test Wallet pays into the deposit').last()).toBeVisible()
  await page.evaluate(() => localStorage.setItem('test-wallet-gone', '1'))
  await page.goto(page.url().replace(/#.*/, '#/settings/wallet'))
  await page.reload()
  await expect(page.getByText('Test Wallet is not here any more')).toBeVisible()
  await page.getByRole('button', { name: 'Forget it' }).click()
  await expect(page.getByText('Test Wallet is not here any more')).toHaveCount(0)
})

test('a wallet on another chain is asked to change, and to add the chain it does not know', async ({ fake }) => {
  const { page } = fake
  await inject(page, 'elsewhere')
  await fake.open({}, '#/settings/wallet')
  await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
  await expect(page.getByText('Test Wallet is connected.')).toBeVisible()
  const asked = await page.evaluate(() => (window as unknown as { asked: string[] }).asked)
  expect(asked).toEqual(['eth_requestAccounts', 'eth_chainId', 'wallet_switchEthereumChain', 'wallet_addEthereumChain', 'eth_chainId'])
})

for (const [manner, sentence] of [
  ['refusing', 'Test Wallet was told no, so nothing was done.'],
  ['stubborn', 'Test Wallet is not on chain 42069 and did not change to it.'],
  ['lying', 'where a list of accounts was expected'],
] as const) {
  test(`a ${manner} wallet costs one sentence`, async ({ fake }) => {
    const { page } = fake
    await inject(page, manner)
    await fake.open({}, '#/settings/wallet')
    await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
    await expect(page.getByRole('alert')).toContainText(sentence)
    await expect(page.getByRole('button', { name: 'Connect Test Wallet' })).toBeEnabled()
  })
}

test('one need not wait for a silent wallet', async ({ fake }) => {
  const { page } = fake
  await inject(page, 'silent')
  await fake.open({}, '#/settings/wallet')
  await page.getByRole('button', { name: 'Connect Test Wallet' }).click()
  await expect(page.getByText('it may be asking you')).toBeVisible()
  await page.getByRole('button', { name: 'Stop waiting' }).click()
  await expect(page.getByRole('button', { name: 'Connect Test Wallet' })).toBeEnabled()
})

test('delete everything leaves nothing on the machine, in any tab', async ({ fake }) => {
  const { page } = fake
  await openAccount(fake)
  const before = await address(page)
  await page.evaluate(async () => {
    localStorage.setItem('kept', 'yes')
    await (await caches.open('kept')).put('/kept', new Response('kept'))
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('kept', { create: true })
    await folder.getFileHandle('file', { create: true })
  })
  const second = await page.context().newPage()
  await second.goto(page.url())
  await expect(second.locator('[data-address]')).toHaveText(before!)
  const run = page.getByRole('button', { name: 'Delete everything now' })
  await expect(run).toBeDisabled()
  await page.getByLabel('Type “delete everything” to go on').fill('delete everything')
  await page.evaluate(() => Object.assign(window, { before: true }))
  await run.click()
  // Either tab may be the one that deletes; the other begins anew where it was, so there is no address to wait for.
  await expect(async () => {
    const left = await page.evaluate(async () => {
      const files: string[] = []
      for await (const name of (await navigator.storage.getDirectory()).keys()) files.push(name)
      return { preference: localStorage.getItem('kept'), cache: await caches.has('kept'), file: files.includes('kept') }
    })
    expect(left).toEqual({ preference: null, cache: false, file: false })
  }).toPass({ timeout: 30_000 })
  // Begun anew, and drawn: else what is opened next would race with it.
  await page.waitForFunction(() => !('before' in window) && document.querySelector('main') !== null)
  await second.close()
  await fake.open({}, '#/settings/account')
  await expect(page.locator('[data-address]')).toHaveText(/^0x/)
  expect(await address(page)).not.toBe(before)
})

test('settings at three widths, light and dark', async ({ fake }, info) => {
  const { page } = fake
  await page.emulateMedia({ reducedMotion: 'reduce' })
  await inject(page, 'honest')
  await openAccount(fake)
  await words(page)
  await page.getByText('Restore or change the account').click()
  await page.evaluate(() => scrollTo(0, 0))
  for (const [width, height] of [
    [1440, 900],
    [768, 900],
    [360, 740],
  ]) {
    await page.setViewportSize({ width: width!, height: height! })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme })
      await page.locator('main').evaluate((main) => main.scrollTo(0, 0))
      await page.screenshot({ path: info.outputPath(`settings-${width}-${colorScheme}.png`) })
      if ((width === 768) === (colorScheme === 'light')) expect(await violations(page), `${width} px, ${colorScheme}`).toEqual([])
    }
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('main *')]
        .filter((node) => node.getBoundingClientRect().right > innerWidth + 0.5 && node.closest('.unseen, table') === null)
        .map((node) => `${node.tagName}.${node.className}`),
    )
    expect(wide, `${width} px`).toEqual([])
  }
})
