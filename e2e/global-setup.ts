// Starts the house once for all specs, with the command that people use: `npm start`, on a fresh chain of its own.
// Model and datanet caches are shared with the developer's own state, so that nothing is fetched twice.
import { type ChildProcess, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

export default async function globalSetup(): Promise<() => Promise<void>> {
  const state = process.env.OPEN_CHAT_STATE ?? join(root, '.open-chat')
  const chain = join(state, 'e2e-chain')
  rmSync(chain, { recursive: true, force: true })
  const from = performance.now()
  const house = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], {
    cwd: root,
    env: { ...process.env, PORT: '0', OPEN_CHAT_CHAIN: chain, OPEN_CHAT_TEST_PAGE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const urls = await firstUrls(house)
  process.env.OPEN_CHAT_URL = urls.page
  process.env.OPEN_CHAT_FAKE_URL = urls.fake
  console.log(`npm start: page after ${((performance.now() - from) / 1000).toFixed(1)} s`)
  return async () => {
    house.kill('SIGINT')
    await new Promise((resolve) => house.once('exit', resolve))
  }
}

function firstUrls(house: ChildProcess): Promise<{ page: string; fake: string }> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (bytes: Buffer) => {
      output += bytes.toString('utf8')
      const page = /^\s+(http:\S+)$/m.exec(output)?.[1]
      const fake = /test page: (http:\S+)/.exec(output)?.[1]
      if (page !== undefined && fake !== undefined) resolve({ page, fake })
    }
    house.stdout?.on('data', read)
    house.stderr?.on('data', read)
    house.once('exit', (status) => reject(new Error(`npm start ended with ${status}:\n${output}`)))
    setTimeout(() => reject(new Error(`npm start gave no URL in 180 s:\n${output}`)), 180_000).unref()
  })
}
