import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'

export default defineConfig({
  plugins: [
    svelte(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: 'src/offline',
      filename: 'service-worker.ts',
      // The page registers it itself, after its first paint, and says when an update waits; its manifest is a file of ours.
      injectRegister: false,
      registerType: 'prompt',
      manifest: false,
      integration: {
        // A second build inside the first, which does not take over how much is said.
        configureCustomSWViteBuild: (build) => {
          build.logLevel = 'warn'
        },
      },
      injectManifest: {
        globPatterns: ['index.html', 'assets/*.{js,css,woff2}', 'icons/*', 'manifest.webmanifest', 'catalogue.json'],
        // Other engines and the PDF reader: megabytes that most visits never use. They are kept once they are used.
        globIgnores: ['assets/{web-llm,wllama,pdf}*', 'assets/*.worker-*.wasm'],
        // Names that hold their digest need no revision.
        dontCacheBustURLsMatching: /^assets\//,
        maximumFileSizeToCacheInBytes: 2 ** 21,
      },
    }),
  ],
  worker: { format: 'es' },
  build: { target: 'es2023', sourcemap: false },
})
