// Renders public/icons/mark.svg as the PNGs that installing needs, in a Chromium, so that they look as the page draws it.
//   node scripts/run.mjs scripts/icons.ts
// The maskable one fills its square and keeps the drawing within the middle 80 %, which every mask shows.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { chromium } from '@playwright/test'
import { findChromium } from './setup.mjs'

const ICONS = fileURLToPath(new URL('../public/icons', import.meta.url))
const GREEN = '#0e6252'
const SIZES = [
  { name: 'mark-180.png', size: 180, filled: true, share: 1 },
  { name: 'mark-192.png', size: 192, filled: false, share: 1 },
  { name: 'mark-512.png', size: 512, filled: false, share: 1 },
  { name: 'mark-maskable-512.png', size: 512, filled: true, share: 0.8 },
]

export async function main(): Promise<void> {
  const mark = await readFile(join(ICONS, 'mark.svg'), 'utf8')
  const executablePath = findChromium()
  const browser = await chromium.launch({ args: ['--no-sandbox'], ...(executablePath === undefined ? {} : { executablePath }) })
  try {
    for (const { name, size, filled, share } of SIZES) {
      const page = await browser.newPage({ viewport: { width: size, height: size } })
      const width = Math.round(size * share)
      await page.setContent(
        `<style>body{margin:0;display:grid;place-items:center;height:100vh;background:${filled ? GREEN : 'transparent'}}svg{width:${width}px;height:${width}px}</style>${mark}`,
      )
      await page.screenshot({ path: join(ICONS, name), omitBackground: !filled })
      await page.close()
      process.stdout.write(`${name}\n`)
    }
  } finally {
    await browser.close()
  }
}
