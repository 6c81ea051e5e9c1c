// The little HTTP that the devnet's servers share: routes, size limit, JSON errors, CORS for any page, a close that closes.
// Not a framework. Invariants: listens on 127.0.0.1 only; every failure leaves as `{ error: { code, shortMessage, … } }`
// with a fitting status; a body above the limit is refused before it is kept.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { asOpenChatError, OpenChatError, toWire } from '../src/errors.ts'

interface HttpRequest {
  /** Path after the route's prefix, without its query. */
  rest: string
  /** @throws `body_too_large` above `limit` bytes (default 1 MiB). */
  body(limit?: number): Promise<Buffer>
  /** The body as a JSON object. @throws `request_invalid` */
  json(): Promise<Record<string, unknown>>
}

interface HttpReply {
  status?: number
  /** An object becomes JSON (bigint as decimal strings), bytes go as they are. */
  body: object | Buffer
}

/** By `METHOD /prefix`; the longest prefix wins. */
export type Routes = Record<string, (request: HttpRequest) => Promise<HttpReply>>

export interface HttpServer {
  url: string
  close(): Promise<void>
}

const STATUS: Record<string, number> = {
  not_found: 404,
  body_too_large: 413,
  request_invalid: 400,
  receipt_invalid: 400,
  receipt_refused: 422,
  deposit_insufficient: 402,
  faucet_limited: 429,
}

/** A server on `port`, 0 for a free one. */
export async function serveHttp(routes: Routes, port = 0): Promise<HttpServer> {
  const server = createServer((request, response) => {
    answer(routes, request, response).catch((error: unknown) => {
      const { stack: _, ...wire } = toWire(asOpenChatError(error))
      if (response.headersSent) response.destroy()
      else send(response, { status: STATUS[wire.code] ?? 500, body: { error: wire } })
    })
  })
  await new Promise<void>((done, fail) => {
    server.once('error', fail)
    server.listen(port, '127.0.0.1', done)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((done) => {
        server.close(() => done())
        server.closeAllConnections()
      }),
  }
}

async function answer(routes: Routes, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('Access-Control-Allow-Origin', '*')
  response.setHeader('Cache-Control', 'no-store')
  if (request.method === 'OPTIONS') {
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST, PUT')
    response.setHeader('Access-Control-Allow-Headers', 'content-type')
    response.setHeader('Access-Control-Allow-Private-Network', 'true')
    response.setHeader('Access-Control-Max-Age', '600')
    response.writeHead(204).end()
    return
  }
  const path = (request.url ?? '/').split('?')[0]
  const key = Object.keys(routes)
    .filter((route) => `${request.method} ${path}`.startsWith(route))
    .sort((a, b) => b.length - a.length)[0]
  if (key === undefined) throw new OpenChatError('not_found', `This server has no ${request.method} ${path}.`)
  const body = (limit = 2 ** 20) => readBody(request, limit)
  send(
    response,
    await routes[key]({
      rest: path.slice(key.length - key.indexOf('/')),
      body,
      json: async () => parseObject(await body()),
    }),
  )
}

async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > limit) throw new OpenChatError('body_too_large', `The body is larger than ${limit} bytes.`, { meta: { limit } })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

function parseObject(bytes: Buffer): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(bytes.toString('utf8'))
  } catch (cause) {
    throw new OpenChatError('request_invalid', 'The body is not JSON.', { cause })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new OpenChatError('request_invalid', 'The body is not a JSON object.')
  }
  return value as Record<string, unknown>
}

function send(response: ServerResponse, { status = 200, body }: HttpReply): void {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)))
  response.writeHead(status, {
    'Content-Type': Buffer.isBuffer(body) ? 'application/octet-stream' : 'application/json',
    'Content-Length': bytes.length,
  })
  response.end(bytes)
}
