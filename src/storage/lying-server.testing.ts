// An HTTP server of one file, for tests, that can be told to do what dying, misconfigured and lying servers do.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A range that was asked for, from and to (exclusive); the whole file when none was. */
export interface Asked {
  from: number
  to: number
  ranged: boolean
  /** How many requests came before. */
  nth: number
}

export interface Answer {
  /** 206 for a range and 200 else. */
  status?: number
  /** Bytes sent; those asked for. */
  body?: Uint8Array
  headers?: Record<string, string>
  /** After the body: end as usual, break the connection, or say nothing more. */
  end?: 'close' | 'break' | 'stall'
}

export interface LyingServer {
  url: string
  asked: Asked[]
  /** Changes the honest answer, or keeps it back. */
  lie: (asked: Asked, honest: Required<Omit<Answer, 'end'>>) => Answer | Promise<Answer>
  close(): Promise<void>
}

export async function startLyingServer(file: Uint8Array): Promise<LyingServer> {
  const state: Pick<LyingServer, 'asked' | 'lie'> = { asked: [], lie: () => ({}) }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
    const ranged = first !== undefined
    const from = ranged ? Number(first) : 0
    const to = ranged && last !== '' ? Math.min(file.length, Number(last) + 1) : file.length
    const asked = { from, to, ranged, nth: state.asked.length }
    state.asked.push(asked)
    const body = file.subarray(from, to)
    const headers: Record<string, string> = { etag: '"one"' }
    if (ranged) headers['content-range'] = `bytes ${from}-${to - 1}/${file.length}`
    const honest = { status: ranged ? 206 : 200, body, headers }
    const told = { ...honest, end: 'close' as const, ...(await state.lie(asked, honest)) }
    const whole = told.end === 'close' ? { 'content-length': String(told.body.length) } : {}
    response.writeHead(told.status, { ...whole, ...headers, ...told.headers })
    if (told.end === 'close') response.end(told.body)
    else response.write(told.body, () => told.end === 'break' && response.destroy())
  }

  const server: Server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(state, {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/file`,
    close: () =>
      new Promise<void>((resolve) => {
        server.closeAllConnections()
        server.close(() => resolve())
      }),
  })
}
