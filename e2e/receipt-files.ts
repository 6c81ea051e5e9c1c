// The receipts that broken-receipts.ts makes, made once for a deployment and read from its folder.
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { devnetSettings, pageUrl } from './real-page.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Receipt files by what is wrong with them: `honest`, or the id of the one step that they break. */
export async function receiptFiles(outputDir: string): Promise<Map<string, string>> {
  const folder = join(outputDir, `receipts-${(await devnetSettings()).deployment}`)
  if (!existsSync(folder)) {
    const args = [join(root, 'scripts', 'run.mjs'), 'e2e/broken-receipts.ts', '--settings', pageUrl('devnet.json'), '--out', folder]
    await promisify(execFile)(process.execPath, args, { cwd: root })
  }
  return new Map(readdirSync(folder).map((name) => [name.replace('.json', ''), readFileSync(join(folder, name), 'utf8')]))
}
