// The ports of one answer for the bench: the real engine on Dawn, the page's attribution desk over the seeded datanets, their
// adapters. No ledger: the bench pays nobody.
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import catalogue from '../public/catalogue.json'
import { openNodeDesk, registeredAdapters } from '../scripts/node-desk.ts'
import { openNodeEngine, readAdapterFolder } from '../scripts/node-engine.ts'
import { seedDatanets } from '../scripts/seed-datanet.ts'
import { ensureModel, ensurePackedPackage, stateDir } from '../scripts/setup.mjs'
import type { Ports } from '../src/chat/answer.ts'
import { OpenChatError } from '../src/errors.ts'
import { chatOfEngine } from '../src/workers/chat-of-engine.ts'
import { vocabularyMark } from '../src/workers/draft-source.ts'

export interface BenchPorts {
  ports: Ports
  quotingAdapters: Record<string, string>
  /** The device, in words. */
  device: string
  close(): Promise<void>
}

/**
 * @param paths.adapters folder with a folder for each adapter of the catalogue; default the repository's. One that is not there
 * is left out: its datanet is answered by the backbone.
 * @throws file_missing, gpu_unavailable, seed_invalid …
 */
export async function openBenchPorts(paths: { model?: string | undefined; adapters?: string | undefined }): Promise<BenchPorts> {
  const modelPath = paths.model ?? (await ensureModel())
  const { engine, close } = await openNodeEngine(modelPath, { contextTokens: 1024 })
  const quotingAdapters: Record<string, string> = {}
  for (const { weights, lineage } of catalogue.adapters) {
    const folder = weights.split('/').at(-2) as string
    const files = await readAdapterFolder(resolve(paths.adapters ?? resolve(import.meta.dirname, '../adapters'), folder))
    const digest = createHash('sha256').update(files.weights).digest('hex')
    await engine.addAdapter(digest, files)
    for (const { datanet } of lineage) quotingAdapters[datanet] = digest
  }
  const seeded = await seedDatanets({ cacheDir: join(stateDir, 'datanets'), modelPath, fetchPackage: ensurePackedPackage })
  const desk = await openNodeDesk(
    { modelPath, datanets: Object.fromEntries(seeded.map(({ id, folder }) => [id, folder])) },
    registeredAdapters(),
  )
  // As on the page, where a port lies between the two.
  const drafts = {
    source: { continuation: async (...asked: Parameters<typeof desk.continuation>) => desk.continuation(...asked) },
    vocabulary: vocabularyMark((text) => engine.encode(text)),
  }
  return {
    ports: {
      engine: {
        voice: { engine: 'local', model: '', modelDigest: null },
        chat: (request, signal) => chatOfEngine(engine, request, signal, drafts),
      },
      tracer: {
        retrieve: (question, datanets, signal) => desk.retrieve(question, datanets, signal),
        // Marks while an answer streams are for eyes.
        live: async () => [],
        trace: async (request) => desk.trace(request),
        draft: () => Promise.reject(new OpenChatError('no_ledger', 'The bench signs no receipts.')),
      },
    },
    quotingAdapters,
    device: engine.stats().adapterName,
    close,
  }
}
