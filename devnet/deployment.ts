// Which chain the state folder holds, on disk: where its files are, what was deployed on it, and whether somebody runs it.
// Not the chain itself. Invariants: a chain is taken up again only with the same contracts, seeds and window; a record appears
// whole or not at all; a half-written or foreign one means a fresh chain, never a failed start.
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { OpenChatError } from '../src/errors.ts'
import { CHAIN_ID, rpc } from './anvil.ts'
import type { Artifacts } from './compile.ts'
import type { DeploySettings, DevnetAddresses } from './deploy.ts'

/** Who runs it: the process that started it, and its anvil. */
interface Running {
  owner: number
  anvil: number
  rpcUrl: string
}

export interface Deployment {
  /** Names the folder of its state; new for every fresh chain. */
  id: string
  /** Digest of what it was deployed from. */
  key: string
  addresses: DevnetAddresses
  running: Running | null
}

/** Digest of contracts, seeds and window: another one is another chain. Parameters can be set on a running one. */
export function deploymentKey(artifacts: Artifacts, { challengeWindowSeconds, seeds }: DeploySettings): string {
  const code = Object.values(artifacts).map(({ bytecode }) => bytecode)
  return createHash('sha256')
    .update(JSON.stringify([CHAIN_ID, code, challengeWindowSeconds, seeds]))
    .digest('hex')
}

export const newDeploymentId = (): string => randomBytes(8).toString('hex')
export const deploymentFolder = (folder: string, id: string): string => join(folder, `chain-${id}`)
const recordPath = (folder: string): string => join(folder, 'deployment.json')

/** The folder's record, or null when there is none that can be read. */
export async function readDeployment(folder: string): Promise<Deployment | null> {
  try {
    const record = JSON.parse(await readFile(recordPath(folder), 'utf8')) as Partial<Deployment>
    return record.id && record.key && record.addresses ? (record as Deployment) : null
  } catch {
    // Absent or half written: a fresh chain.
    return null
  }
}

export async function writeDeployment(folder: string, deployment: Deployment): Promise<void> {
  await mkdir(folder, { recursive: true })
  const part = `${recordPath(folder)}.${process.pid}.part`
  await writeFile(part, JSON.stringify(deployment, null, 1))
  await rename(part, recordPath(folder))
}

export async function dropDeployment(folder: string, id: string): Promise<void> {
  await rm(deploymentFolder(folder, id), { recursive: true, force: true })
}

/**
 * Ends an anvil whose owner was killed, so that it writes its state: then even a kill loses nothing.
 * @returns whether one was found. @throws `devnet_running` when its owner lives
 */
export async function takeOver({ running, addresses }: Deployment): Promise<boolean> {
  if (running === null || !alive(running.anvil)) return false
  // A process number may have been given to another: only one that answers as this chain is ours to end.
  const code = await rpc(running.rpcUrl, 'eth_getCode', [addresses.attributions, 'latest']).catch(() => '0x')
  if (code === '0x') return false
  if (running.owner !== process.pid && alive(running.owner)) {
    throw new OpenChatError('devnet_running', `Process ${running.owner} already runs this devnet at ${running.rpcUrl}.`, {
      meta: { pid: running.owner, rpcUrl: running.rpcUrl },
      action: 'Use that one, stop it, or set OPEN_CHAT_STATE to another folder.',
    })
  }
  process.kill(running.anvil, 'SIGTERM')
  for (let waited = 0; waited < 5_000 && alive(running.anvil); waited += 50) await new Promise((next) => setTimeout(next, 50))
  if (alive(running.anvil)) process.kill(running.anvil, 'SIGKILL')
  return true
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
