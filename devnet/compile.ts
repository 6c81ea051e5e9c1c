// Compiles contracts/*.sol with solc from npm, once per source text, and writes what the page needs of the result.
// Not a build system: one compiler input, one cached output. Invariants: the cache key is the digest of every source and of
// the settings and compiler version; `src/wallet/contracts.generated.ts` holds ABIs and storage layouts only, no code,
// so that the page stays small.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Abi, Hex } from 'viem'
import { OpenChatError } from '../src/errors.ts'

/** The repository's root: contracts, compiler wrapper and packages lie there. */
export const repository = resolve(dirname(fileURLToPath(import.meta.url)), '..')
/** The page moves WOPEN through the others alone. */
const CALLED_BY_THE_PAGE = ['Datanets', 'Attributions', 'Payouts'] as const
export const CONTRACT_NAMES = ['WOPEN', 'Datanets', 'Attributions', 'Payouts'] as const
type ContractName = (typeof CONTRACT_NAMES)[number]

interface StorageEntry {
  label: string
  slot: string
  offset: number
  type: string
}
interface StorageType {
  label: string
  encoding: string
  numberOfBytes: string
  key?: string
  value?: string
  base?: string
  members?: StorageEntry[]
}
interface StorageLayout {
  storage: StorageEntry[]
  types: Record<string, StorageType> | null
}
interface Artifact {
  abi: Abi
  bytecode: Hex
  layout: StorageLayout
}
export type Artifacts = Record<ContractName, Artifact>

interface SolcOutput {
  errors?: { severity: string; formattedMessage: string }[]
  contracts?: Record<string, Record<string, { abi: Abi; evm: { bytecode: { object: string } }; storageLayout: StorageLayout }>>
}

const SETTINGS = {
  evmVersion: 'cancun',
  optimizer: { enabled: true, runs: 200 },
  // Paths and comments must not change the code.
  metadata: { bytecodeHash: 'none', appendCBOR: false },
  outputSelection: { '*': { '*': ['abi', 'evm.bytecode.object', 'storageLayout'] } },
}

/** Every contract's ABI, creation code and storage layout. @param cacheDir where outputs are kept, one file per digest. */
export async function compileContracts(cacheDir: string): Promise<Artifacts> {
  const sources = await readSources()
  const path = join(cacheDir, `${sourceDigest(sources)}.json`)
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Artifacts
  } catch {
    // Absent, or half written by a process that died: compiled again either way.
  }
  const artifacts = pick(await runSolc(JSON.stringify({ language: 'Solidity', sources, settings: SETTINGS })))
  await mkdir(cacheDir, { recursive: true })
  await writeFile(`${path}.${process.pid}.part`, JSON.stringify(artifacts))
  await rename(`${path}.${process.pid}.part`, path)
  return artifacts
}

type Sources = Record<string, { content: string }>

/** Our contracts and all that they import, as solc names them. */
async function readSources(): Promise<Sources> {
  const names = (await readdir(join(repository, 'contracts'))).filter((name) => name.endsWith('.sol')).sort()
  const sources: Sources = {}
  const waiting = names.map((name) => `contracts/${name}`)
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    if (sources[name]) continue
    const path = name.startsWith('@') ? join(repository, 'node_modules', name) : join(repository, name)
    const content = await readFile(path, 'utf8')
    sources[name] = { content }
    for (const [, imported] of content.matchAll(/^import\s[^"';]*["']([^"']+)["']/gm)) waiting.push(resolveImport(name, imported))
  }
  return Object.fromEntries(Object.entries(sources).sort(([a], [b]) => (a < b ? -1 : 1)))
}

const resolveImport = (from: string, path: string): string =>
  path.startsWith('.') ? join(dirname(from), path).replaceAll('\\', '/') : path

function sourceDigest(sources: Sources): string {
  const { version } = createRequire(import.meta.url)('solc/package.json') as { version: string }
  return createHash('sha256')
    .update(JSON.stringify([version, SETTINGS, sources]))
    .digest('hex')
}

function runSolc(input: string): Promise<SolcOutput> {
  return new Promise((done, fail) => {
    const child = spawn(process.execPath, [join(repository, 'scripts', 'solc.mjs')], { cwd: repository, stdio: ['pipe', 'pipe', 'pipe'] })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    child.on('error', fail)
    child.on('close', (status) => {
      if (status === 0) return done(JSON.parse(Buffer.concat(out).toString('utf8')) as SolcOutput)
      fail(new OpenChatError('contracts_invalid', `solc ended with status ${status}: ${Buffer.concat(err).toString('utf8').slice(0, 500)}`))
    })
    child.stdin.end(input)
  })
}

function pick(output: SolcOutput): Artifacts {
  const errors = (output.errors ?? []).filter((error) => error.severity === 'error')
  if (errors.length > 0 || !output.contracts) {
    throw new OpenChatError('contracts_invalid', `The contracts do not compile: ${errors.map((e) => e.formattedMessage).join('\n')}`)
  }
  const artifacts: Partial<Artifacts> = {}
  for (const name of CONTRACT_NAMES) {
    const { abi, evm, storageLayout } = output.contracts[`contracts/${name}.sol`][name]
    artifacts[name] = { abi, bytecode: `0x${evm.bytecode.object}`, layout: storageLayout }
  }
  return artifacts as Artifacts
}

/** The text of `src/wallet/contracts.generated.ts`: ABIs and, by label, slot numbers and struct members of the state. */
export function generatedSource(artifacts: Artifacts): string {
  const lines = [
    '// Generated by `node scripts/run.mjs devnet/compile.ts` from contracts/*.sol; devnet/compile.test.ts keeps it fresh.',
    '// ABIs, and where each state variable lies: `slot` of the variable, `offset` in bytes from the right end of the slot,',
    '// `members` of the struct that the variable, or the value of its innermost mapping, holds.',
  ]
  for (const name of CALLED_BY_THE_PAGE) {
    lines.push(`export const ${name.toLowerCase()}Abi = ${JSON.stringify(artifacts[name].abi)} as const`)
  }
  const layouts = Object.fromEntries(CONTRACT_NAMES.map((name) => [name.toLowerCase(), slots(artifacts[name].layout)]))
  lines.push(`export const storageLayout = ${JSON.stringify(layouts, null, 2)} as const`)
  return `${lines.join('\n')}\n`
}

interface Slot {
  slot: number
  offset: number
  bytes: number
  type: string
  members?: Record<string, Slot>
}

function slots({ storage, types }: StorageLayout): Record<string, Slot> {
  const known = types ?? {}
  const place = ({ slot, offset, type }: StorageEntry): Slot => {
    let inner = known[type]
    while (inner.encoding === 'mapping' && inner.value !== undefined) inner = known[inner.value]
    return {
      slot: Number(slot),
      offset,
      bytes: Number(known[type].numberOfBytes),
      type: known[type].label,
      ...(inner.members ? { members: Object.fromEntries(inner.members.map((member) => [member.label, place(member)])) } : {}),
    }
  }
  return Object.fromEntries(storage.map((entry) => [entry.label, place(entry)]))
}

/** Compiles and writes the generated file; prints what it wrote. */
export async function main(): Promise<void> {
  const artifacts = await compileContracts(join(repository, '.open-chat', 'contracts'))
  await writeFile(join(repository, 'src', 'wallet', 'contracts.generated.ts'), generatedSource(artifacts))
  for (const name of CONTRACT_NAMES) process.stdout.write(`${name}: ${(artifacts[name].bytecode.length - 2) / 2} bytes of creation code\n`)
}
