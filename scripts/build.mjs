// The built page, made again only when one of its inputs changed. @returns the folder.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { root, stateDir } from './setup.mjs'

const INPUTS = ['index.html', 'package-lock.json', 'vite.config.ts', 'scripts/build.mjs', 'public', 'src']

function* files(path) {
  if (!statSync(path).isDirectory()) yield path
  else for (const entry of readdirSync(path).sort()) yield* files(join(path, entry))
}

function digestOfInputs() {
  const hash = createHash('sha256')
  for (const input of INPUTS) {
    for (const file of files(join(root, input))) {
      if (/\.test\.ts$/.test(file)) continue
      hash.update(relative(root, file)).update('\0').update(readFileSync(file)).update('\0')
    }
  }
  return hash.digest('hex')
}

/**
 * Lays a gzipped copy beside every file of code, style and WebAssembly: a third of the bytes. Files whose name holds their
 * digest only, so that no copy can be older than its file.
 */
async function compress(folder) {
  const worth = [...files(folder)].filter((file) => /\.(js|css|wasm)$/.test(file) && statSync(file).size > 1024)
  const pack = promisify(gzip)
  await Promise.all(worth.map(async (file) => writeFileSync(`${file}.gz`, await pack(readFileSync(file), { level: 9 }))))
}

/** @param mode `production` for people; `test` keeps the page's fakes for specs that need no engine. */
export async function ensureBuild(mode = 'production') {
  const outDir = join(stateDir, mode === 'production' ? 'page' : `page-${mode}`)
  const stamp = join(outDir, '.inputs')
  const digest = digestOfInputs()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return outDir
  process.stderr.write('Building the page …\n')
  const { build } = await import('vite')
  await build({ root, mode, logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  await compress(join(outDir, 'assets'))
  writeFileSync(stamp, digest)
  return outDir
}
