import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vitest/config'

// Four projects: plain units in parallel; what opens Dawn (`*.gpu.test.ts`) one file after another and in one process, because
// SwiftShader uses every core by itself and most of its time goes into pipelines, which files then share
// (src/gpu/device.testing.ts); the real model (`*.model.gpu.test.ts`); and what needs an anvil (`*.chain.test.ts`).
/**
 * `npm run test:quick`: units share their modules; left to the full run are whole engines over many models, most of it compiling
 * their kernels, and kernels that take long for what they guard: a block that only some devices take, thousands of draws.
 */
const quick = process.env.OPEN_CHAT_QUICK !== undefined
const fullOnly = [
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
  'pipelines',
  'kv-precision',
  'staged-f16',
  'sample',
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
          exclude: ['src/**/*.model.gpu.test.ts', ...(quick ? fullOnly : [])],
          environment: 'node',
          fileParallelism: false,
          isolate: false,
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
