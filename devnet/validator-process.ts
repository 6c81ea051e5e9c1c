// The validator as a process of its own: what `npm start` runs beside the page, so that a validator that hangs, leaks or is killed
// takes nothing with it. Told what to do by its parent, over Node's own channel between processes; it ends when that ends.
// Not the validator (validator.ts). Invariants: it outlives no parent; Ctrl-C in the terminal is the parent's to handle; a close
// answers what is under way first.
// Run by `scripts/run.mjs`, which compiles TypeScript; `main` stays until told to close.
import type { PrivateKeyAccount } from 'viem'
import { corpusCheck } from '../scripts/corpus-check.ts'
import { openNodeDesk } from '../scripts/node-desk.ts'
import { asOpenChatError, type ErrorWire, toWire } from '../src/errors.ts'
import { devnetAccount } from './accounts.ts'
import type { DevnetSettings } from './start.ts'
import { startValidator, type ValidatorOptions } from './validator.ts'

export interface ValidatorOrder {
  options: Omit<ValidatorOptions, 'account' | 'corpus' | 'report'>
  /** What it looks spans up in. */
  corpus: { modelPath: string; datanets: Record<string, string> }
  settings: Pick<DevnetSettings, 'chainId' | 'rpcUrl' | 'daUrl' | 'addresses'>
}

export type ToValidator = { start: ValidatorOrder } | 'close'
export type FromValidator = 'awake' | { url: string } | { failed: ErrorWire } | { trouble: ErrorWire }

export async function main(): Promise<void> {
  /** On its way when it resolves: who ends at once would else say nothing. */
  const say = (message: FromValidator) => new Promise<void>((sent) => process.send?.(message, () => sent()))
  // The terminal's Ctrl-C reaches the whole group; the parent closes us in its own order.
  process.on('SIGINT', () => undefined)
  const orphaned = new Promise<'close'>((end) => process.once('disconnect', () => end('close')))
  const heard = () => new Promise<ToValidator>((next) => process.once('message', next))
  const first = heard()
  await say('awake')
  const order = await Promise.race([first, orphaned])
  if (order === 'close') return
  const { options, corpus, settings } = order.start
  const account: PrivateKeyAccount = devnetAccount('validator')
  const closing = Promise.race([heard(), orphaned])
  try {
    const validator = await startValidator({
      ...options,
      account,
      corpus: corpusCheck(() => openNodeDesk(corpus), settings),
      report: (error) => void say({ trouble: toWire(error) }),
    })
    await say({ url: validator.url })
    await closing
    await validator.close()
  } catch (error) {
    await say({ failed: toWire(asOpenChatError(error)) })
  }
}
