#!/usr/bin/env node
// `npm start`: brings what is missing, starts the local chain, data availability, validator and page, and prints the URL.
// Ctrl-C stops everything it started. State lives in .open-chat (or OPEN_CHAT_STATE); deleting that folder starts anew.
import { ensureModel, ensurePackages, ensureSeedPackages, root, stateDir } from './setup.mjs'

const started = performance.now()
try {
  ensurePackages()
  const [modelPath, { ensureBuild }, { runnerImport }] = await Promise.all([ensureModel(), import('./build.mjs'), import('vite')])
  const seedPackages = ensureSeedPackages()
  const page = await ensureBuild()
  const { module } = await runnerImport(`${root}/scripts/serve.ts`, { root, configFile: false, logLevel: 'error' })
  const port = process.env.PORT === undefined ? undefined : Number(process.env.PORT)
  const house = await module.startOpenChat({ stateDir, chainDir: process.env.OPEN_CHAT_CHAIN, page, modelPath, seedPackages, port })
  process.stdout.write(
    `\nOpen Chat is ready after ${((performance.now() - started) / 1000).toFixed(1)} s:\n\n  ${house.url}\n\nCtrl-C stops it.\n`,
  )
  // Specs of the page alone run on its fakes, which the page for people does not contain.
  const fakes =
    process.env.OPEN_CHAT_TEST_PAGE &&
    (await module.startPageServer({ page: await ensureBuild('test'), folders: {}, documents: {}, port: 0 }))
  if (fakes) process.stdout.write(`test page: ${fakes.url}\n`)
  let stopping = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, async () => {
      if (stopping) process.exit(1)
      stopping = true
      await Promise.all([house.stop(), fakes?.close()])
      process.exit(0)
    })
  }
} catch (error) {
  process.stderr.write(`${error.code ?? 'internal_error'}: ${error.shortMessage ?? error.message}\n`)
  if (process.argv.includes('--debug')) process.stderr.write(`${error.stack}\n`)
  process.exit(1)
}
