// The attribution desk in Node: the page's own code over the files that set-up laid down, for benches, the validator and
// tests. No engine and no chain.
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import catalogue from '../public/catalogue.json'
import type { Hex } from '../src/attribution/types.ts'
import { readGguf } from '../src/gpu/formats/gguf.ts'
import { AttributionDesk } from '../src/workers/attribution-desk.ts'
import type { ServedManifest } from '../src/workers/datanet-shelf.ts'

export interface NodeDeskPaths {
  /** GGUF file of the default backbone. */
  modelPath: string
  /** Folders of built datanets by the id they have on chain. */
  datanets: Record<string, string>
}

/** The adapters of the catalogue with the lineage they are registered with. */
export const registeredAdapters = () =>
  catalogue.adapters.map(({ digest, lineage }: { digest: string; lineage: { datanet: string; contributions: number }[] }) => ({
    digest: `0x${digest}` as Hex,
    lineage: lineage.map(({ datanet, contributions }) => ({ adapter: `0x${digest}` as Hex, datanet: BigInt(datanet), contributions })),
  }))

/** @throws gguf_invalid, contribution_mismatch, index_invalid */
export async function openNodeDesk({ modelPath, datanets }: NodeDeskPaths, adapters = registeredAdapters()): Promise<AttributionDesk> {
  const file = await open(modelPath)
  try {
    const gguf = await readGguf({
      bytes: (await file.stat()).size,
      read: async (offset, length) => new Uint8Array((await file.read(new Uint8Array(length), 0, length, offset)).buffer),
    })
    const desk = new AttributionDesk(gguf, { model: catalogue.models[0]!, adapters })
    for (const [id, folder] of Object.entries(datanets)) {
      const bytes = async (name: string) => new Uint8Array(await readFile(join(folder, name)))
      const manifest = JSON.parse(new TextDecoder().decode(await bytes('manifest.json'))) as ServedManifest
      const files = await Promise.all(Object.keys(manifest.files).map(async (name) => [name, await bytes(name)] as const))
      desk.shelf.addFiles(id, manifest, Object.fromEntries(files))
    }
    return desk
  } finally {
    await file.close()
  }
}
