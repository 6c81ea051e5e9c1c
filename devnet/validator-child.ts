// Starts and ends the validator's process (validator-process.ts) from the devnet. The process is begun before the chain is there,
// because compiling takes it as long as anvil takes to start, and gets its order once there is one.
// Invariant: `close` returns when the process is gone, killed if it must be.
import { type ChildProcess, fork } from 'node:child_process'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { asOpenChatError, fromWire, OpenChatError } from '../src/errors.ts'
import { repository } from './compile.ts'
import type { Validator } from './validator.ts'
import type { FromValidator, ToValidator, ValidatorOrder } from './validator-process.ts'

/** Compiling takes a second or two on a quiet machine, a minute on one that runs everything else. */
const START_MS = 180_000
const CLOSE_MS = 5_000

export interface ValidatorChild {
  /** @throws what the validator threw, `validator_failed` when its process ended */
  start(order: ValidatorOrder, report: (error: OpenChatError) => void): Promise<Validator>
  /**
   * The same without waiting: its address is known at once and answers some seconds later, which a page's outbox waits for. Why it
   * could not start is reported.
   */
  begin(order: ValidatorOrder, report: (error: OpenChatError) => void): Promise<Validator>
  close(): Promise<void>
}

export function forkValidator(): ValidatorChild {
  const child = fork(join(repository, 'scripts', 'run.mjs'), ['devnet/validator-process.ts'], {
    cwd: repository,
    // Parameters hold integers that JSON cannot.
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  child.stderr?.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString('utf8')).slice(-2_000)
  })
  const gone = new Promise<void>((end) => child.once('exit', () => end()))
  const awake = message(child, (told) => told === 'awake' || null)
  let listening = false
  awake.then(
    () => {
      listening = true
    },
    // Whoever closes it before it is awake need not hear that it never was.
    () => undefined,
  )

  const tell = (order: ToValidator) => {
    if (child.connected) child.send(order)
  }

  async function close(): Promise<void> {
    tell('close')
    const timer = setTimeout(() => child.kill('SIGKILL'), CLOSE_MS)
    // It listens once it has compiled; before that there is nothing to answer.
    if (!listening) child.kill('SIGKILL')
    await gone
    clearTimeout(timer)
  }

  async function start(order: ValidatorOrder, report: (error: OpenChatError) => void): Promise<Validator> {
    await awake
    const url = message(child, (told) => {
      if (typeof told !== 'object') return null
      if ('failed' in told) throw fromWire(told.failed)
      return 'url' in told ? told.url : null
    })
    child.on('message', (told: FromValidator) => {
      if (typeof told === 'object' && 'trouble' in told) report(fromWire(told.trouble))
    })
    tell({ start: order })
    return { url: await url, close }
  }

  return {
    close,
    start,
    async begin(order, report) {
      const port = order.options.port || (await freePort())
      let closing = false
      start({ ...order, options: { ...order.options, port } }, report).catch((error: unknown) => {
        if (!closing) report(asOpenChatError(error))
      })
      return {
        url: `http://127.0.0.1:${port}`,
        close() {
          closing = true
          return close()
        },
      }
    },
  }

  /** The first message that `take` takes. */
  function message<T>(from: ChildProcess, take: (told: FromValidator) => T | null): Promise<T> {
    return new Promise((resolve, reject) => {
      const failed = (reason: string) =>
        reject(
          new OpenChatError('validator_failed', `The validator's process ${reason}.`, {
            meta: { said },
            action: 'Start again with --debug.',
          }),
        )
      const timer = setTimeout(() => failed(`said nothing for ${START_MS / 1000} s`), START_MS)
      const ended = () => failed(`ended: ${said.trim().slice(-300) || 'without a word'}`)
      const listen = (told: FromValidator) => {
        try {
          const taken = take(told)
          if (taken === null) return
          resolve(taken)
        } catch (error) {
          reject(error)
        }
        clearTimeout(timer)
        from.off('message', listen)
        from.off('exit', ended)
      }
      from.on('message', listen)
      from.once('exit', ended)
    })
  }
}

/** A port that nobody listens on now; another may take it before we do, and then the validator says so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
