// The Chromium that benches open, on the machine's own GPU driver, or on SwiftShader where that is what there is. Not the tests'
// browser (playwright.config.ts).
import { type Browser, chromium } from '@playwright/test'
import { findChromium } from '../../scripts/setup.mjs'
import { swiftshaderEnvironment } from '../../scripts/swiftshader.mjs'
import { OpenChatError } from '../../src/errors.ts'

/** @throws browser_unavailable */
export function openChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (executablePath === undefined) throw new OpenChatError('browser_unavailable', 'No Chromium was found.', { action: 'Install one.' })
  // Empty where the machine's own driver serves.
  const software = Object.keys(swiftshaderEnvironment()).length > 0
  const own = software ? ['--use-webgpu-adapter=swiftshader'] : ['--enable-features=Vulkan', '--ignore-gpu-blocklist']
  const args = ['--no-sandbox', '--enable-unsafe-webgpu', ...own, '--disable-background-networking', '--no-first-run']
  return chromium.launch({ executablePath, args })
}
