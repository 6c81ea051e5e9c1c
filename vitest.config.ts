import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// Four projects: plain units in parallel; what opens Dawn (`*.gpu.test.ts`) one file after another, because SwiftShader uses
// every core by itself; the real model (`*.model.gpu.test.ts`); and what needs an anvil (`*.chain.test.ts`).
/** `npm run test:quick`: files share their modules, and whole engines over many models, most of it compiling their kernels, are left to the full run. */
const quick = process.env.OPEN_CHAT_QUICK !== undefined
const wholeEngines = [
  'parity*',
  'boot*',
  'dispatches',
  'speculate',
  'replay*',
  'gpu-desk*',
  'mixes',
  'tiers',
  'sampling',
  'memory-plan',
].map((name) => `**/${name}.gpu.test.ts`)

export default defineConfig({
  plugins: [svelte()],
  test: {
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{src,devnet,scripts,contracts}/**/*.test.ts'],
          exclude: ['**/*.gpu.test.ts', '**/*.chain.test.ts'],
          environment: 'node',
          isolate: !quick,
          // Property tests take a second when quiet; the margin is for a machine that is busy with something else.
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'gpu',
          include: ['src/**/*.gpu.test.ts'],
          exclude: ['src/**/*.model.gpu.test.ts', ...(quick ? wholeEngines : [])],
          environment: 'node',
          fileParallelism: false,
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'model',
          include: ['src/**/*.model.gpu.test.ts'],
          environment: 'node',
          fileParallelism: false,
          pool: 'forks',
          testTimeout: 300_000,
          hookTimeout: 120_000,
        },
      },
      {
        extends: true,
        test: {
          name: 'chain',
          include: ['{src,devnet}/**/*.chain.test.ts'],
          environment: 'node',
          fileParallelism: false,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
