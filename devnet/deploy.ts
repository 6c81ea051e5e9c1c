// Puts the contracts and the seeded datanets on a fresh chain. Not a migration: a chain of other contracts is left behind.
// Invariants: same sources, same addresses (fixed deployer, fixed nonces); imported contributions have the orders 1 … n over all datanets, so
// the head on chain is the manifest's.
import type { Hex } from 'viem'
import { nameHash } from '../src/attribution/contributions.ts'
import { ZERO_HASH } from '../src/attribution/words.ts'
import { OpenChatError } from '../src/errors.ts'
import { DEVNET_ROLES, devnetAccount } from './accounts.ts'
import { rpc } from './anvil.ts'
import { reader, type Sender, sender } from './chain.ts'
import type { Artifacts } from './compile.ts'

/** A datanet that is there from the start. `SeedManifest` of scripts/seed-build.ts is one. */
export interface DevnetSeed {
  name: string
  licence: string
  /** What it is about, at most 2048 bytes; kept in the datanet's first event. */
  description?: string
  /** Whether anyone may contribute; default no. */
  open?: boolean
  contributions: { account: Hex; root: Hex; documents: number; tokens: number; licence: string }[]
  /** Expected head after the import, when known. */
  head?: Hex
}

export interface DevnetAddresses {
  wopen: Hex
  datanets: Hex
  attributions: Hex
  payouts: Hex
}

export interface DeploySettings {
  parametersHash: Hex
  challengeWindowSeconds: number
  seeds: readonly DevnetSeed[]
}

/** wei */
export const BOND = 10n ** 17n
const DEMAND_BOND = 10n ** 16n
const FUNDS = 10n ** 24n
/** Contributions in one transaction, so that it stays below a block's gas. */
const IMPORT_BATCH = 60

/** Deploys, seeds, and returns where everything lies. @throws `transaction_reverted`, `seed_mismatch` */
export async function deployContracts(rpcUrl: string, artifacts: Artifacts, settings: DeploySettings): Promise<DevnetAddresses> {
  for (const role of DEVNET_ROLES) {
    await rpc(rpcUrl, 'anvil_setBalance', [devnetAccount(role).address, `0x${FUNDS.toString(16)}`])
  }
  const deployer = sender(rpcUrl, devnetAccount('deployer'))
  const { WOPEN, Datanets, Attributions } = artifacts
  const wopen = await deployer.deploy(WOPEN.abi, WOPEN.bytecode, [])
  const datanets = await deployer.deploy(Datanets.abi, Datanets.bytecode, [])
  const window = BigInt(settings.challengeWindowSeconds)
  const attributions = await deployer.deploy(Attributions.abi, Attributions.bytecode, [
    wopen,
    {
      governor: deployer.account.address,
      parametersHash: settings.parametersHash,
      bond: BOND,
      challengeWindow: window,
      withdrawalDelay: 4n * window,
      demandBond: DEMAND_BOND,
      answerWindow: window,
    },
  ])
  const payouts = (await reader(rpcUrl).readContract({ address: attributions, abi: Attributions.abi, functionName: 'payouts' })) as Hex
  for (const [i, seed] of settings.seeds.entries()) await seedDatanet(rpcUrl, deployer, artifacts, datanets, BigInt(i + 1), seed)
  return { wopen, datanets, attributions, payouts }
}

async function seedDatanet(
  rpcUrl: string,
  deployer: Sender,
  artifacts: Artifacts,
  address: Hex,
  datanet: bigint,
  seed: DevnetSeed,
): Promise<void> {
  const { abi } = artifacts.Datanets
  await deployer.call({
    address,
    abi,
    functionName: 'create',
    args: [seed.name, seed.licence, seed.description ?? '', seed.open ?? false, false],
  })
  const imports = seed.contributions.map(({ account, root, documents, tokens, licence }) => ({
    author: account,
    documents: { root, documents, tokens: BigInt(tokens), licence: nameHash(licence), daCommitment: '0x' },
  }))
  for (let i = 0; i < imports.length; i += IMPORT_BATCH) {
    await deployer.call({ address, abi, functionName: 'importContributions', args: [datanet, imports.slice(i, i + IMPORT_BATCH)] })
  }
  const head = await reader(rpcUrl).readContract({ address, abi, functionName: 'headAt', args: [datanet, BigInt(imports.length)] })
  if (head !== (seed.head ?? head) || (imports.length === 0 && head !== ZERO_HASH)) {
    throw new OpenChatError('seed_mismatch', `Datanet ${datanet} came out with head ${String(head)}, its manifest says ${seed.head}.`, {
      meta: { datanet: Number(datanet), got: String(head), expected: seed.head ?? ZERO_HASH },
      action: 'Delete the state folder and start again.',
    })
  }
}
