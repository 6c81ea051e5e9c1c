// The built page, made again only when one of its inputs changed. @returns the folder.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { root, stateDir } from './setup.mjs'

const INPUTS = ['index.html', 'package-lock.json', 'vite.config.ts', 'public', 'src']

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

/** @param mode `production` for people; `test` keeps the page's fakes for specs that need no engine. */
export async function ensureBuild(mode = 'production') {
  const outDir = join(stateDir, mode === 'production' ? 'page' : `page-${mode}`)
  const stamp = join(outDir, '.inputs')
  const digest = digestOfInputs()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return outDir
  process.stderr.write('Building the page …\n')
  const { build } = await import('vite')
  await build({ root, mode, logLevel: 'warn', build: { outDir, emptyOutDir: true } })
  writeFileSync(stamp, digest)
  return outDir
}
