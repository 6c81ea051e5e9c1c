// One anvil as the devnet's L2: started from npm's binary directly, its state kept in a file, stopped so that it writes it.
// Not a chain of its own rules. Invariants: the process is ours alone and dies with `stop`; a state file that anvil cannot
// read never blocks a start (the caller is told and begins anew).
// Historical states are not preserved across restarts (80 kB a block even when nothing happens; 1,000 blocks took 4.7 s to
// load against 0.2 s): proofs of older blocks end with a restart, proofs of the newest do not.
// Source: chain.md "Devnet facts": block 0 proves nothing, so one block is mined before anything is anchored.
import { type ChildProcess, spawn } from 'node:child_process'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
import { dirname, join } from 'node:path'
import { OpenChatError } from '../src/errors.ts'

export const CHAIN_ID = 42069
const START_MS = 15_000
const STOP_MS = 5_000

export interface Anvil {
  url: string
  pid: number
  /** Asks it to write its state and waits for it to end. */
  stop(): Promise<void>
}

export interface AnvilOptions {
  stateFile: string
  port?: number
}

/** Starts anvil and waits until it answers. @throws `anvil_failed` when it ends or stays silent. */
export async function startAnvil({ stateFile, port }: AnvilOptions): Promise<Anvil> {
  const chosen = port || (await freePort())
  const args = ['--network', 'optimism', '--chain-id', String(CHAIN_ID), '--host', '127.0.0.1', '--port', String(chosen)]
  args.push('-b', '2', '--mixed-mining', '--accounts', '1', '--threads', '1', '--quiet')
  args.push('--state', stateFile, '--state-interval', '5')
  // A group of its own: Ctrl-C in a terminal is for us alone, or anvil would be gone before the validator has closed.
  const child = spawn(anvilBinary(), args, { stdio: ['ignore', 'ignore', 'pipe'], detached: process.platform !== 'win32' })
  const errors: string[] = []
  child.stderr?.on('data', (bytes: Buffer) => errors.push(bytes.toString('utf8')))
  const url = `http://127.0.0.1:${chosen}`
  try {
    await answers(url, child, errors)
    if ((await rpc(url, 'eth_blockNumber')) === '0x0') await rpc(url, 'evm_mine')
  } catch (error) {
    child.kill('SIGKILL')
    throw error
  }
  return { url, pid: child.pid ?? 0, stop: () => stopChild(child) }
}

/** The binary of npm's platform package: its launcher would only add a process between us. */
function anvilBinary(): string {
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const name = `@foundry-rs/anvil-${process.platform}-${arch}`
  try {
    const launcher = createRequire(import.meta.url).resolve('@foundry-rs/anvil/package.json')
    const folder = dirname(createRequire(launcher).resolve(`${name}/package.json`))
    return join(folder, 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
  } catch (cause) {
    throw new OpenChatError('anvil_failed', `The package ${name} is not installed, so there is no local chain.`, {
      meta: { package: name },
      action: 'Run npm install without --omit=optional.',
      cause,
    })
  }
}

async function answers(url: string, child: ChildProcess, errors: string[]): Promise<void> {
  const deadline = Date.now() + START_MS
  while (Date.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) break
    try {
      await rpc(url, 'eth_chainId')
      return
    } catch {
      // Not listening yet.
      await new Promise((next) => setTimeout(next, 20))
    }
  }
  throw new OpenChatError('anvil_failed', `anvil did not start: ${errors.join('').trim().slice(0, 400) || 'no answer in time'}.`)
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  await new Promise<void>((ended) => {
    const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    child.once('exit', () => {
      clearTimeout(force)
      ended()
    })
    child.kill('SIGTERM')
  })
}

/** One JSON-RPC call; only for what viem has no word for. */
export async function rpc(url: string, method: string, params: unknown[] = []): Promise<unknown> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }),
    signal: AbortSignal.timeout(START_MS),
  })
  const { result, error } = (await response.json()) as { result?: unknown; error?: { message: string } }
  if (error) throw new OpenChatError('anvil_failed', `${method}: ${error.message}`)
  return result
}

function freePort(): Promise<number> {
  return new Promise((found, fail) => {
    const server = createServer()
    server.once('error', fail)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => found(port))
    })
  })
}
