// Starts the house once for all specs, with the command that people use: `npm start`, on a fresh chain of its own.
// Model and datanet caches are shared with the developer's own state, so that nothing is fetched twice.
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startHouse } from './house.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

export default async function globalSetup(): Promise<() => Promise<void>> {
  const chain = join(process.env.OPEN_CHAT_STATE ?? join(root, '.open-chat'), 'e2e-chain')
  rmSync(chain, { recursive: true, force: true })
  const from = performance.now()
  const house = await startHouse(chain, { fakes: true })
  process.env.OPEN_CHAT_URL = house.page
  process.env.OPEN_CHAT_FAKE_URL = house.fake!
  console.log(`npm start: page after ${((performance.now() - from) / 1000).toFixed(1)} s`)
  return house.stop
}
