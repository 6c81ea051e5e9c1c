// A server between the page and one of the chain's (RPC, data availability, validator) that can be told to refuse, stall, lose or
// change what it carries, as dying and lying servers do. It changes nothing unless told to, and counts what passes.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const ANY_ORIGIN = { 'access-control-allow-origin': '*' }

export interface Call {
  method: string
  path: string
  /** Body as text; JSON-RPC and receipts are JSON. */
  body: string
}

/**
 * pass: as if it were not there; refuse: 503 without asking the server; stall: no answer ever; lose: the server gets the call, the
 * page a broken connection.
 */
export type Behaviour = 'pass' | 'refuse' | 'stall' | 'lose'

export interface MeddlingProxy {
  url: string
  /** Without scheme, as messages name it. */
  host: string
  /** Decides about each call; may depend on what is asked. */
  behave: (call: Call) => Behaviour
  /** Changes what the server answered. */
  change: (call: Call, answer: string) => string
  /** Calls that reached the server. */
  carried: Call[]
  close(): Promise<void>
}

export async function startMeddlingProxy(target: string): Promise<MeddlingProxy> {
  const upstream = target.replace(/\/$/, '')
  const proxy: Omit<MeddlingProxy, 'url' | 'host' | 'close'> = { behave: () => 'pass', change: (_, answer) => answer, carried: [] }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const bytes = await bodyOf(request)
    const call = { method: request.method ?? 'GET', path: request.url ?? '/', body: bytes.toString('utf8') }
    if (call.method === 'OPTIONS') {
      response.writeHead(204, { ...ANY_ORIGIN, 'access-control-allow-methods': '*', 'access-control-allow-headers': '*' }).end()
      return
    }
    const behaviour = proxy.behave(call)
    if (behaviour === 'stall') return
    if (behaviour === 'refuse') {
      response.writeHead(503, ANY_ORIGIN).end()
      return
    }
    const contentType = request.headers['content-type']
    const answer = await fetch(`${upstream}${call.path}`, {
      method: call.method,
      ...(contentType === undefined ? {} : { headers: { 'content-type': contentType } }),
      ...(bytes.length > 0 ? { body: Uint8Array.from(bytes) } : {}),
    })
    proxy.carried.push(call)
    if (behaviour === 'lose') {
      request.socket.destroy()
      return
    }
    const original = Buffer.from(await answer.arrayBuffer())
    const text = original.toString('utf8')
    const changed = proxy.change(call, text)
    const headers = { ...ANY_ORIGIN, 'content-type': answer.headers.get('content-type') ?? 'application/octet-stream' }
    // What is not text must not go through text.
    response.writeHead(answer.status, headers).end(changed === text ? original : changed)
  }

  const server: Server = createServer((request, response) => {
    serve(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return Object.assign(proxy, {
    url: `http://${host}`,
    host,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  })
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
