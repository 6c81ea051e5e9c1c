// The house as people start it, `npm start` on a free port, for specs and benches: its addresses, and an end that leaves nothing.
import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const START_MS = 180_000

export interface House {
  page: string
  /** The page with its fakes; null unless asked for. */
  fake: string | null
  stop(): Promise<void>
}

/** @param chain folder of this house's own chain; models and datanets are shared with the developer's own state. */
export async function startHouse(chain: string, { fakes = false } = {}): Promise<House> {
  const house = spawn(process.execPath, [join(root, 'scripts', 'start.mjs')], {
    cwd: root,
    env: { ...process.env, PORT: '0', OPEN_CHAT_CHAIN: chain, ...(fakes ? { OPEN_CHAT_TEST_PAGE: '1' } : {}) },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return {
    ...(await addresses(house, fakes)),
    async stop() {
      house.kill('SIGINT')
      await new Promise((resolve) => house.once('exit', resolve))
    },
  }
}

function addresses(house: ChildProcess, fakes: boolean): Promise<Pick<House, 'page' | 'fake'>> {
  return new Promise((resolve, reject) => {
    let output = ''
    const read = (bytes: Buffer) => {
      output += bytes.toString('utf8')
      const page = /^\s+(http:\S+)$/m.exec(output)?.[1]
      const fake = /test page: (http:\S+)/.exec(output)?.[1] ?? null
      if (page !== undefined && (fake !== null || !fakes)) resolve({ page, fake })
    }
    house.stdout?.on('data', read)
    house.stderr?.on('data', read)
    house.once('exit', (status) => reject(new Error(`npm start ended with ${status}:\n${output}`)))
    setTimeout(() => reject(new Error(`npm start gave no URL in ${START_MS / 1000} s:\n${output}`)), START_MS).unref()
  })
}
