// Builds pages of this folder and serves them beside model files, with the headers that shared memory asks for (wllama's threads).
// Not the house: no chain, no page of ours, no service worker.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { svelte } from '@sveltejs/vite-plugin-svelte'
import sirv from 'sirv'
import { build } from 'vite'

/** @param pages names of HTML files here @param models folder of GGUF files, served under /models/ */
export async function servePages(pages: readonly string[], outDir: string, models: string): Promise<{ url: string; server: Server }> {
  const folder = dirname(new URL(import.meta.url).pathname)
  await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    plugins: [svelte({ configFile: false })],
    worker: { format: 'es' },
    build: { outDir, target: 'es2023', rollupOptions: { input: pages.map((page) => join(folder, page)) } },
  })
  const page = sirv(outDir)
  const files = sirv(models, { dev: true })
  const server = createServer((request, response) => {
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    const missing = () => void response.writeHead(404).end()
    if (!request.url!.startsWith('/models/')) return page(request, response, missing)
    request.url = request.url!.slice('/models'.length)
    files(request, response, missing)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, server }
}
