// The embedded devnet: one anvil as the L2 with our contracts and seeded datanets, a DA server, a validator, a faucet. What
// `npm start` runs beside the page, and what the chain tests run. Not a production set-up: all keys are known.
// Invariants: all state lies under one folder; a clean stop and start continues the same chain; after a kill the chain goes on
// from what its orphaned anvil still holds, or from its last save (at most seconds old), or afresh, and `report` says which;
// `stop` ends everything that was started.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Hex } from 'viem'
import { type AttributionParameters, defaultParameters, parametersHash } from '../src/attribution/parameters.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { asOpenChatError, type OpenChatError } from '../src/errors.ts'
import { devnetAccount } from './accounts.ts'
import { type Anvil, CHAIN_ID, rpc, startAnvil } from './anvil.ts'
import { reader, sender } from './chain.ts'
import { type Artifacts, compileContracts } from './compile.ts'
import { startDaServer } from './da-server.ts'
import { type DeploySettings, type DevnetAddresses, type DevnetSeed, deployContracts } from './deploy.ts'
import {
  type Deployment,
  deploymentFolder,
  deploymentKey,
  dropDeployment,
  newDeploymentId,
  readDeployment,
  takeOver,
  writeDeployment,
} from './deployment.ts'
import { startFaucet } from './faucet.ts'
import { startValidator } from './validator.ts'
import { forkValidator, type ValidatorChild } from './validator-child.ts'
import type { ValidatorOrder } from './validator-process.ts'

export interface DevnetOptions {
  /** Everything is kept below it. */
  stateDir: string
  /** Where compiled contracts are kept; default `contracts` below it. */
  contractsDir?: string
  /** Datanets 1, 2, … that a fresh chain starts with. */
  seeds?: readonly DevnetSeed[]
  /** What receipts are made under; their hash is kept on chain. */
  parameters?: AttributionParameters
  /** How long a batch may be refuted; default 8. */
  challengeWindowSeconds?: number
  /** 0 or absent: a free one. */
  ports?: { rpc?: number; da?: number; validator?: number; faucet?: number }
  /** Runs the validator as a process of its own, which looks spans up in this corpus; absent: in this one, without a look. */
  validatorCorpus?: ValidatorOrder['corpus']
  report?: (line: string) => void
}

/** What a page needs to use this chain: `/devnet.json`. */
export interface DevnetSettings {
  chainId: number
  rpcUrl: string
  daUrl: string
  validatorUrls: string[]
  faucetUrl: string
  addresses: DevnetAddresses
  challengeWindowSeconds: number
  /** Changes with every fresh chain: what a page remembers of another one is void. */
  deployment: string
}

export interface Devnet {
  settings: DevnetSettings
  /** Whether the chain was deployed just now. */
  fresh: boolean
  /** ms that compiling, starting anvil, deploying and starting the servers took. */
  timings: { compile: number; chain: number; servers: number }
  anvilPid: number
  /** Ends everything; the chain's state is written. */
  stop(): Promise<void>
}

/** Parameters of a datanet that is not seeded, for tests of the chain alone. */
const BARE_PARAMETERS = defaultParameters(ZERO_HASH, ZERO_HASH)

/** @throws `devnet_running`, `anvil_failed`, `contracts_invalid`, `seed_mismatch`, `validator_failed` */
export async function startDevnet(options: DevnetOptions): Promise<Devnet> {
  // It compiles while the chain starts.
  const child = options.validatorCorpus === undefined ? null : forkValidator()
  try {
    return await startWith(options, child)
  } catch (error) {
    await child?.close()
    throw error
  }
}

async function startWith(options: DevnetOptions, child: ValidatorChild | null): Promise<Devnet> {
  const { stateDir, seeds = [], parameters = BARE_PARAMETERS, challengeWindowSeconds = 8, ports = {}, report = () => {} } = options
  const clock = stopwatch()
  const artifacts = await compileContracts(options.contractsDir ?? join(stateDir, 'contracts'))
  const compile = clock()
  const folder = join(stateDir, 'devnet')
  const settings: DeploySettings = { parametersHash: parametersHash(parameters), challengeWindowSeconds, seeds }
  const chain = await openChain(folder, artifacts, settings, ports.rpc, report)
  const chainMs = clock()
  const { anvil, deployment, fresh } = chain
  const closers: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const close of closers.splice(0).reverse()) await close()
    await anvil.stop()
    await writeDeployment(folder, { ...deployment, running: null })
  }
  try {
    const rpcUrl = anvil.url
    const da = await startDaServer({ folder: join(folder, 'da'), ...port(ports.da) })
    closers.push(da.close)
    const { addresses } = deployment
    const orders = {
      rpcUrl,
      daUrl: da.url,
      addresses,
      parameters,
      folder: join(deploymentFolder(folder, deployment.id), 'validator'),
      ...port(ports.validator),
    }
    const validator =
      child === null
        ? await startValidator({ ...orders, account: devnetAccount('validator'), report: sayOnce(report) })
        : await child.begin(
            {
              options: orders,
              corpus: options.validatorCorpus!,
              settings: { chainId: CHAIN_ID, rpcUrl, daUrl: da.url, addresses },
            },
            sayOnce(report),
          )
    closers.push(validator.close)
    const faucet = await startFaucet({ rpcUrl, account: devnetAccount('faucet'), ...port(ports.faucet) })
    closers.push(faucet.close)
    return {
      settings: {
        chainId: CHAIN_ID,
        rpcUrl,
        daUrl: da.url,
        validatorUrls: [validator.url],
        faucetUrl: `${faucet.url}/fund`,
        addresses: deployment.addresses,
        challengeWindowSeconds,
        deployment: deployment.id,
      },
      fresh,
      timings: { compile, chain: chainMs, servers: clock() },
      anvilPid: anvil.pid,
      stop,
    }
  } catch (error) {
    await stop()
    throw error
  }
}

interface OpenChain {
  anvil: Anvil
  deployment: Deployment
  fresh: boolean
}

async function openChain(
  folder: string,
  artifacts: Artifacts,
  settings: DeploySettings,
  rpcPort: number | undefined,
  report: (line: string) => void,
): Promise<OpenChain> {
  const key = deploymentKey(artifacts, settings)
  const known = await readDeployment(folder)
  if (known !== null) {
    const taken = await takeOver(known)
    if (known.running !== null) {
      report(
        taken
          ? 'The last run was killed; its chain was still alive and goes on.'
          : 'The last run was killed; the chain goes on from its last save.',
      )
    }
    if (known.key === key) {
      const anvil = await resume(folder, known, rpcPort, report)
      if (anvil !== null) {
        await setParameters(anvil.url, artifacts, known.addresses, settings.parametersHash)
        return { anvil, deployment: await own(folder, known, anvil), fresh: false }
      }
    } else report('Contracts or seed data have changed, so the local chain starts anew.')
    await dropDeployment(folder, known.id)
  }
  const id = newDeploymentId()
  await mkdir(deploymentFolder(folder, id), { recursive: true })
  const anvil = await startAnvil({ stateFile: stateFile(folder, id), ...port(rpcPort) })
  try {
    const addresses = await deployContracts(anvil.url, artifacts, settings)
    return { anvil, deployment: await own(folder, { id, key, addresses, running: null }, anvil), fresh: true }
  } catch (error) {
    await anvil.stop()
    throw error
  }
}

/** anvil over the saved state, or null when that state is not this chain any more. */
async function resume(
  folder: string,
  known: Deployment,
  rpcPort: number | undefined,
  report: (line: string) => void,
): Promise<Anvil | null> {
  let anvil: Anvil
  try {
    anvil = await startAnvil({ stateFile: stateFile(folder, known.id), ...port(rpcPort) })
  } catch (error) {
    report(`The saved chain cannot be read (${asOpenChatError(error).shortMessage}), so the local chain starts anew.`)
    return null
  }
  const codes = await Promise.all(Object.values(known.addresses).map((address: Hex) => rpc(anvil.url, 'eth_getCode', [address, 'latest'])))
  if (codes.every((code) => code !== '0x')) return anvil
  report('The saved chain lacks the contracts, so the local chain starts anew.')
  await anvil.stop()
  return null
}

async function setParameters(
  rpcUrl: string,
  { Attributions }: Artifacts,
  { attributions: address }: DevnetAddresses,
  hash: Hex,
): Promise<void> {
  const { abi } = Attributions
  if ((await reader(rpcUrl).readContract({ address, abi, functionName: 'parametersHash' })) === hash) return
  await sender(rpcUrl, devnetAccount('deployer')).call({ address, abi, functionName: 'setParameters', args: [hash] })
}

async function own(folder: string, deployment: Deployment, anvil: Anvil): Promise<Deployment> {
  const running = { owner: process.pid, anvil: anvil.pid, rpcUrl: anvil.url }
  await writeDeployment(folder, { ...deployment, running })
  return { ...deployment, running }
}

const stateFile = (folder: string, id: string): string => join(deploymentFolder(folder, id), 'state.json')
const port = (number: number | undefined): { port?: number } => (number === undefined ? {} : { port: number })

/** A failing round repeats twice a second: it is told when it changes. */
function sayOnce(report: (line: string) => void): (error: OpenChatError) => void {
  let last = ''
  return ({ code, shortMessage }) => {
    const line = `validator: ${code}: ${shortMessage}`
    if (line !== last) report(line)
    last = line
  }
}

function stopwatch(): () => number {
  let from = performance.now()
  return () => {
    const now = performance.now()
    const passed = now - from
    from = now
    return Math.round(passed)
  }
}
