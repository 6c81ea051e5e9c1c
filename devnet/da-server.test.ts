// The DA server's routes: what is put comes back, what does not hash is refused, and failures on demand are failures.
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { createDataAvailability, keccakCommitment } from '../src/wallet/data-availability.ts'
import { type DaFailure, startDaServer } from './da-server.ts'
import type { HttpServer } from './http.ts'

let folder: string
let server: HttpServer
let failure: DaFailure = null
const body = new TextEncoder().encode('a passage')
const da = () => createDataAvailability(server.url, fetch, 300)

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'open-chat-da-'))
  failure = null
  server = await startDaServer({ folder, failure: () => failure })
})
afterEach(async () => {
  await server.close()
  await rm(folder, { recursive: true, force: true })
})

it('gives back what was put, after a restart too', async () => {
  const commitment = await da().put(body)
  expect(commitment).toBe(keccakCommitment(body))
  await server.close()
  server = await startDaServer({ folder })
  expect(await da().get(commitment)).toEqual(body)
})

it('keeps one whole file when the same bytes are put at once', async () => {
  await Promise.all(Array.from({ length: 8 }, () => da().put(body)))
  expect(await readdir(folder)).toEqual([keccakCommitment(body).slice(4)])
})

it('refuses a body of another hash, and keeps nothing', async () => {
  const response = await fetch(`${server.url}/put/${keccakCommitment(body)}`, { method: 'POST', body: 'another' })
  expect([response.status, ((await response.json()) as { error: { code: string } }).error.code]).toEqual([400, 'request_invalid'])
  expect(await readdir(folder)).toEqual([])
})

it('refuses more than 16 MiB', async () => {
  const large = new Uint8Array(16 * 2 ** 20 + 1)
  const outcome = await fetch(`${server.url}/put/${keccakCommitment(large)}`, { method: 'POST', body: new Blob([large]) }).then(
    ({ status }) => status,
    () => 413,
  )
  expect(outcome).toBe(413)
  expect(await readdir(folder)).toEqual([])
})

it.each(['/get/../../../etc/passwd', '/get/0x00zz', `/get/0x01${'00'.repeat(32)}`, '/get/'])('refuses the path %s', async (path) => {
  expect((await fetch(server.url + path)).status).toBeGreaterThanOrEqual(400)
})

it('answers another page', async () => {
  const options = await fetch(`${server.url}/put/${keccakCommitment(body)}`, { method: 'OPTIONS' })
  expect([options.status, options.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
})

it('says 404 for what it never had', async () => {
  await expect(da().get(keccakCommitment(body))).rejects.toMatchObject({ code: 'da_missing' })
})

it('lies, refuses and stalls when told to, and closes all the same', async () => {
  const commitment = await da().put(body)
  failure = 'lie'
  await expect(da().get(commitment)).rejects.toMatchObject({ code: 'da_lied' })
  failure = 'refuse'
  await expect(da().put(body)).rejects.toMatchObject({ code: 'da_unreachable' })
  failure = 'stall'
  await expect(da().get(commitment)).rejects.toMatchObject({ code: 'da_unreachable' })
})
