// The house as `npm start` runs it: seeded datanets, local chain with DA, validator and faucet, and the page in front.
// Not set-up (start.mjs brought packages, model and the built page before); everything it starts, `stop` ends.
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Devnet, startDevnet } from '../devnet/start.ts'
import catalogue from '../public/catalogue.json'
import { defaultParameters } from '../src/attribution/parameters.ts'
import { OpenChatError } from '../src/errors.ts'
import { type PageServer, startPageServer } from './page-server.ts'
import { seedDatanets } from './seed-datanet.ts'

export { startPageServer }

export interface HouseOptions {
  /** Models, datanets, compiled contracts; shared between runs. */
  stateDir: string
  /** The chain's own state; default `stateDir`. */
  chainDir?: string
  /** The built page. */
  page: string
  modelPath: string
  /** Tarballs of the seed packages, by `name@version`. */
  seedPackages: Record<string, string>
  /** 0 picks a free one; absent: 5180, or a free one when that is taken. */
  port?: number
}

export interface House {
  url: string
  devnet: Devnet
  stop(): Promise<void>
}

const USUAL_PORT = 5180
const ADAPTERS = fileURLToPath(new URL('../adapters', import.meta.url))
const say = (line: string) => process.stderr.write(`${line}\n`)

/** @throws seed_mismatch, devnet_running, anvil_failed … */
export async function startOpenChat(options: HouseOptions): Promise<House> {
  const { stateDir, modelPath, seedPackages } = options
  const datanetsDir = join(stateDir, 'datanets')
  const fetchPackage = (name: string, version: string) => seedPackages[`${name}@${version}`] as string
  const seeded = await seedDatanets({ cacheDir: datanetsDir, modelPath, fetchPackage, report: say })
  for (const { id, digest, manifest } of seeded) {
    const offered = catalogue.datanets.find((datanet) => datanet.id === id)
    if (offered?.digest === digest) continue
    throw new OpenChatError(
      'seed_mismatch',
      `The datanet ${manifest.name} came out as ${digest}, the catalogue names ${offered?.digest}.`,
      {
        meta: { datanet: id, got: digest, expected: offered?.digest ?? '' },
        action: 'Delete the state folder and start again; if it stays, the catalogue is out of date.',
      },
    )
  }
  const { tokenizer, boundaries } = seeded[0]!.manifest
  const devnet = await startDevnet({
    stateDir: options.chainDir ?? stateDir,
    contractsDir: join(stateDir, 'contracts'),
    seeds: seeded.map(({ manifest: { name, description, licence, contributions, head } }) => ({
      name,
      description,
      licence,
      open: true,
      contributions,
      head: head as `0x${string}`,
    })),
    parameters: defaultParameters(tokenizer, boundaries),
    validatorCorpus: { modelPath, datanets: Object.fromEntries(seeded.map(({ id, folder }) => [id, folder])) },
    report: say,
  })
  let server: PageServer
  try {
    server = await servePage(options, devnet, datanetsDir)
  } catch (error) {
    await devnet.stop()
    throw error
  }
  return {
    url: server.url,
    devnet,
    async stop() {
      await server.close()
      await devnet.stop()
    },
  }
}

async function servePage({ page, stateDir, port }: HouseOptions, devnet: Devnet, datanets: string): Promise<PageServer> {
  const options = {
    page,
    folders: { '/models': join(stateDir, 'models'), '/datanets': datanets, '/adapters': ADAPTERS },
    documents: { '/devnet.json': () => devnet.settings },
  }
  try {
    return await startPageServer({ ...options, port: port ?? USUAL_PORT })
  } catch (error) {
    if (port !== undefined || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return startPageServer({ ...options, port: 0 })
  }
}
