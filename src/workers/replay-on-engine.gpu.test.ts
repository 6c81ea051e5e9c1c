// A receipt's own replay, from what the chat records to what the command says of the saved file: what is named must be what is
// loaded, at the strength that is named, and another word in the file is found.
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it, vi } from 'vitest'
import { openNodeEngine } from '../../scripts/node-engine.ts'
import { main } from '../../scripts/replay.ts'
import { tinyAdapter, tinyModel } from '../../scripts/tiny-model.ts'
import { contentHash, type ReceiptContent } from '../attribution/receipt.ts'
import { encodeContent } from '../attribution/receipt-codec.ts'
import { writeReceiptFile } from '../attribution/receipt-file.ts'
import type { Hex, Utterance } from '../attribution/types.ts'
import type { OwnerReceipt } from '../attribution/verify.ts'
import { judgeReplay, replayAsk } from '../attribution/verify-said.ts'
import type { ChatRequest } from '../chat/ports.ts'
import { chatOfEngine } from './chat-of-engine.ts'
import { replayOnEngine } from './replay-on-engine.ts'

const folder = await mkdtemp(join(tmpdir(), 'replay-'))
const model = join(folder, 'model.gguf')
const bytes = tinyModel({ type: 'Q8_0', seed: 3 })
await writeFile(model, bytes)
const adapter = tinyAdapter({ seed: 5 })
await mkdir(join(folder, 'adapter'))
await writeFile(join(folder, 'adapter/adapter_config.json'), adapter.config)
await writeFile(join(folder, 'adapter/adapter_model.safetensors'), adapter.weights)
const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex')
const here = { model: sha256(bytes), adapters: new Set([sha256(adapter.weights)]) }
const [digest] = here.adapters
const { engine, close } = await openNodeEngine(model)
await engine.addAdapter(digest, adapter)
afterAll(async () => {
  await close()
  await rm(folder, { recursive: true })
})

const zero: Hex = `0x${'00'.repeat(32)}`
const nobody: Hex = `0x${'00'.repeat(20)}`

function receiptOf(said: Utterance, answer: string, scale = 1 << 16): OwnerReceipt {
  const content: ReceiptContent = {
    ...{ version: 1, chainId: 1n, contract: nobody, payer: nobody, channel: zero, nonce: 1n, model: `0x${here.model}` },
    ...{
      adapters: [{ digest: `0x${digest}`, scale }],
      indexes: [],
      lineageRoot: zero,
      lineageCount: 0,
      retrieved: [],
      parametersHash: zero,
    },
    ...{ promptRoot: zero, promptCount: 0, answerRoot: zero, answerCount: 0, totalSurprisal: 0n, spans: [], influenceRoot: zero },
    ...{ fee: 0n, commons: 0n },
  }
  const encoded = encodeContent(content)
  const header = { payer: nobody, channel: zero, nonce: 1n, content: contentHash(encoded), sharesRoot: zero, shareCount: 0, fee: 0n }
  const owner = { answer, prompt: 'Why a navy?', salt: zero, said }
  return { header, content: encoded, signature: `0x${'00'.repeat(65)}`, owner }
}

async function say(request: Partial<ChatRequest> = {}): Promise<{ text: string; said: Utterance | undefined }> {
  const messages = [{ role: 'user' as const, content: 'Why a navy?' }]
  const all = { messages, max_tokens: 20, temperature: 0.8, seed: 4, adapter: digest, begin: 'So:', record: true, ...request }
  let text = all.begin
  for await (const event of chatOfEngine(engine, all, new AbortController().signal)) {
    if (event.type === 'token') text += event.text
    else if (event.type === 'end') return { text, said: event.said }
  }
  throw new Error('an answer has an end')
}

const judged = async (receipt: OwnerReceipt) => judgeReplay(receipt, await replayOnEngine(engine, here, replayAsk(receipt)!))

async function command(receipt: OwnerReceipt): Promise<{ code: number; out: string }> {
  const path = join(folder, 'receipt.json')
  await writeFile(path, writeReceiptFile(receipt))
  let out = ''
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    out += text
    return true
  })
  try {
    return { code: await main(['--receipt', path, '--model', model, '--adapter', join(folder, 'adapter')]), out }
  } finally {
    write.mockRestore()
  }
}

it('records an answer only when it is asked to', async () => {
  expect((await say({ record: false })).said).toBeUndefined()
  const { said } = await say({ stop: ['@@'] })
  expect(said).toMatchObject({ begin: 'So:', stop: ['@@'], sampler: { temperature: 0.8, seed: 4 } })
  expect(said!.logprobs).toHaveLength(said!.drawn.length)
})

it('says again what the chat recorded, from the saved file too', async () => {
  const { text, said } = await say()
  const receipt = receiptOf(said!, text)
  expect(await replayOnEngine(engine, here, replayAsk(receipt)!)).toMatchObject({ said: true, text: text.slice(3) })
  expect(await command(receipt)).toMatchObject({ code: 0, out: expect.stringContaining('Said again here: each of') })
  const word = { ...said!, drawn: said!.drawn.with(2, said!.drawn[2] === 70 ? 71 : 70) }
  expect(await judged(receiptOf(word, text))).toMatchObject({
    status: 'failed',
    detail: expect.stringContaining('not the words of this answer'),
  })
  const settings = { ...said!, sampler: { ...said!.sampler, seed: 5 } }
  expect(await command(receiptOf(settings, text))).toMatchObject({ code: 1, out: expect.stringContaining('not what this model says') })
  expect(await judged(receiptOf(said!, text, 70_000))).toMatchObject({ status: 'failed' })
  const { owner } = receipt
  const { said: _, ...unrecorded } = owner!
  expect(await command({ ...receipt, owner: unrecorded })).toMatchObject({ code: 2, out: expect.stringContaining('Not recorded') })
})

it('lets nothing else say it', async () => {
  const { text, said } = await say()
  const ask = replayAsk(receiptOf(said!, text))!
  const unavailable = { code: 'replay_unavailable' }
  await expect(replayOnEngine(engine, { ...here, model: 'other' }, ask)).rejects.toMatchObject(unavailable)
  await expect(replayOnEngine(engine, { ...here, adapters: new Set() }, ask)).rejects.toMatchObject(unavailable)
  await expect(replayOnEngine(engine, here, { ...ask, adapters: [...ask.adapters, ...ask.adapters] })).rejects.toMatchObject(unavailable)
})
