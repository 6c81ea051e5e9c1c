// Serves the built page and what set-up laid beside it: models and datanets by digest, the addresses of the local chain.
// Static files with ranges come from sirv; this file only says what is where, and under which headers.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import sirv from 'sirv'

/** No inline script or style, nothing framed, nothing fetched but by fetch; wasm for libraries. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'self'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "connect-src 'self' https: http://127.0.0.1:* http://localhost:*",
  // wllama makes its worker from a blob of its own words; such a worker is held to this same policy.
  "worker-src 'self' blob:",
  "object-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

export interface PageServerOptions {
  /** The built page. */
  page: string
  /** Folders served below a prefix, e.g. `{ '/models': … }`; their names carry a digest, so they never change. */
  folders: Record<string, string>
  /** Small documents made at start, e.g. `/devnet.json`. */
  documents: Record<string, () => unknown>
  /** 0 picks a free one. */
  port: number
}

export interface PageServer {
  url: string
  close(): Promise<void>
}

export async function startPageServer(options: PageServerOptions): Promise<PageServer> {
  const page = sirv(options.page, {
    etag: true,
    // The copies that build.mjs laid beside what is large.
    gzip: true,
    setHeaders: (response, path) =>
      response.setHeader('Cache-Control', path.startsWith('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
  })
  const folders = Object.entries(options.folders).map(([prefix, folder]) => ({
    prefix: `${prefix}/`,
    serve: sirv(folder, { dev: true, etag: true }),
  }))
  const server: Server = createServer((request, response) => {
    response.setHeader('Content-Security-Policy', CONTENT_SECURITY_POLICY)
    response.setHeader('X-Content-Type-Options', 'nosniff')
    response.setHeader('Referrer-Policy', 'no-referrer')
    response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
    // With the line before: shared memory, and so more than one thread for the engine on the processor.
    response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
    const path = (request.url ?? '/').split('?')[0] ?? '/'
    const missing = () => {
      response.statusCode = 404
      response.end()
    }
    const document = options.documents[path]
    if (document !== undefined) {
      response.setHeader('Content-Type', 'application/json')
      response.setHeader('Cache-Control', 'no-store')
      response.end(JSON.stringify(document()))
      return
    }
    const folder = folders.find(({ prefix }) => path.startsWith(prefix))
    if (folder === undefined) return page(request, response, missing)
    request.url = path.slice(folder.prefix.length - 1)
    folder.serve(request, response, missing)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', resolve)
  })
  return {
    // A name, not a number: passkeys are not offered to addresses.
    url: `http://localhost:${(server.address() as AddressInfo).port}/`,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  }
}
