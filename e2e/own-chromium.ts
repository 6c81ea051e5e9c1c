// A Chromium of a spec's own, driven without the emulations of the test runner: there a tab behind another one is really hidden,
// and a hidden one can be frozen. In the runner's own browser every tab believes that it is seen.
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, chromium } from '@playwright/test'

export interface OwnChromium {
  /** Its one profile. */
  context: BrowserContext
  close(): Promise<void>
}

/** @param args as the runner's own browser is started with */
export async function openOwnChromium(args: readonly string[]): Promise<OwnChromium> {
  const profile = mkdtempSync(join(tmpdir(), 'open-chat-profile-'))
  const executable = process.env.OPEN_CHAT_CHROMIUM ?? chromium.executablePath()
  const own = spawn(executable, ['--headless', '--remote-debugging-port=0', `--user-data-dir=${profile}`, ...args, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const browser = await chromium.connectOverCDP(await addressOf(own), { noDefaults: true })
  return {
    context: browser.contexts()[0]!,
    async close() {
      const ended = new Promise((resolve) => own.once('exit', resolve))
      await browser.close()
      own.kill()
      await ended
      rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })
    },
  }
}

function addressOf(own: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = ''
    own.stderr!.on('data', (bytes: Buffer) => {
      said += bytes.toString('utf8')
      const found = /DevTools listening on (ws:\S+)/.exec(said)?.[1]
      if (found !== undefined) resolve(found)
    })
    own.once('exit', (status) => reject(new Error(`Chromium ended with ${status}:\n${said}`)))
  })
}
