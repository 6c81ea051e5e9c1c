import { defineConfig } from '@playwright/test'

// End to end in a real Chromium with real WebGPU (SwiftShader where there is no GPU). One worker: the software GPU uses
// every core by itself. The house (chain, validator, page server) is started once by e2e/global-setup.ts.
export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results',
  globalSetup: './e2e/global-setup.ts',
  fullyParallel: false,
  workers: 1,
  // A machine that others use stalls now and then. A spec that passes only the second time is named by `npm test`.
  retries: 1,
  timeout: 240_000,
  expect: { timeout: 30_000 },
  reporter: process.env.PLAYWRIGHT_JSON_OUTPUT_NAME ? [['list'], ['json']] : [['list']],
  use: {
    browserName: 'chromium',
    viewport: { width: 1280, height: 800 },
    // What is not there by then is named, and does not use up the whole spec's time.
    actionTimeout: 60_000,
    launchOptions: {
      ...(process.env.OPEN_CHAT_CHROMIUM ? { executablePath: process.env.OPEN_CHAT_CHROMIUM } : {}),
      args: [
        '--no-sandbox',
        '--enable-unsafe-webgpu',
        '--use-webgpu-adapter=swiftshader',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
        '--no-first-run',
      ],
    },
  },
})
