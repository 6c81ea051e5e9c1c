import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import { defineConfig, type Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { plainShader } from './scripts/plain-shader.ts'

/** Adobe's predefined character maps, which PDF.js asks for by name (src/datanet/formats/pdf.ts), beside the workers. */
const characterMaps: Plugin = {
  name: 'character-maps',
  apply: 'build',
  generateBundle() {
    const folder = fileURLToPath(new URL('node_modules/pdfjs-dist/cmaps/', import.meta.url))
    for (const name of readdirSync(folder)) {
      this.emitFile({ type: 'asset', fileName: `assets/cmaps/${name}`, source: readFileSync(join(folder, name)) })
    }
  },
}

const plainShaders: Plugin = {
  name: 'plain-shaders',
  apply: 'build',
  enforce: 'pre',
  load(id) {
    if (id.endsWith('.wgsl?raw')) return `export default ${JSON.stringify(plainShader(readFileSync(id.replace('?raw', ''), 'utf8')))}`
  },
}

/**
 * What the first screen waits for is asked for at once, what is painted before what runs: style, then the page's code, its services
 * and the list of models, instead of each when the one before has run.
 */
const firstRequests: Plugin = {
  name: 'first-requests',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler(html, { bundle = {} }) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk')
      const services = chunks.find((chunk) => chunk.facadeModuleId?.endsWith('/src/ui/ports.ts'))
      const wanted = services === undefined ? [] : [services.fileName, ...services.imports]
      const fresh = wanted.filter((name) => !html.includes(name)).map((name) => `<link rel="modulepreload" crossorigin href="/${name}">`)
      const style = html.match(/<link rel="stylesheet"[^>]*>/g) ?? []
      const bare = style.reduce((left, link) => left.replace(`    ${link}\n`, ''), html)
      const last = [...fresh, '<link rel="preload" as="fetch" crossorigin href="/catalogue.json">']
      return bare.replace('<script', `${style.join('\n    ')}\n    <script`).replace('  </head>', `    ${last.join('\n    ')}\n  </head>`)
    },
  },
}

export default defineConfig({
  plugins: [
    svelte(),
    firstRequests,
    characterMaps,
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
        // Other engines, the grammars and the PDF reader: megabytes that most visits never use. They are kept once they are used.
        globIgnores: ['assets/{web-llm,wllama,xgrammar,pdf}*', 'assets/*.worker-*.wasm'],
        // Names that hold their digest need no revision.
        dontCacheBustURLsMatching: /^assets\//,
        maximumFileSizeToCacheInBytes: 2 ** 21,
      },
    }),
  ],
  worker: {
    format: 'es',
    plugins: () => [plainShaders],
    rolldownOptions: {
      output: {
        // Its file is called index.js, a name by which nothing could be left out above.
        assetFileNames: ({ originalFileNames }) =>
          originalFileNames.some((name) => name.includes('web-xgrammar'))
            ? 'assets/xgrammar-[hash][extname]'
            : 'assets/[name]-[hash][extname]',
      },
    },
  },
  build: {
    target: 'es2023',
    sourcemap: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          // Two files of code and one of style for the first screen, not fourteen and five: browsers ask for six at a time.
          groups: [
            { name: 'page', test: /src\/ui\/(styles\.css|frame\/(AppFrame|Problem)\.svelte|state\/app\.svelte\.ts)$/, priority: 2 },
            { name: 'ports', test: /src\/ui\/ports\.ts$/, priority: 1 },
          ],
        },
      },
    },
  },
})
