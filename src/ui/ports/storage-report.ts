// What this browser keeps, by kind, for the storage manager: files from the blob store, told apart by who names them, and
// records by their size as JSON. Nothing is changed here.
import { indexedDbRecords } from '../../storage/records.ts'
import type { KeptFile } from '../../workers/library-api.ts'
import type { KeptKind, Library, StorageReport } from '../services.ts'
import type { Catalogue } from './catalogue.ts'

/** @param text of a kept file; null when it is not here */
export async function storageReport(
  catalogue: Catalogue,
  { models, adapters }: Library,
  files: KeptFile[],
  text: (digest: string) => Promise<string | null>,
): Promise<StorageReport> {
  const kindOf = new Map<string, KeptKind>()
  for (const { digest } of catalogue.datanets) {
    kindOf.set(digest, 'datanets')
    const manifest = await text(digest)
    if (manifest === null) continue
    const { files: named } = JSON.parse(manifest) as { files: Record<string, { sha256: string }> }
    for (const { sha256 } of Object.values(named)) kindOf.set(sha256, 'datanets')
  }
  for (const { digest, config } of adapters) kindOf.set(digest, 'adapters').set(config.sha256, 'adapters')
  for (const { digest } of models) kindOf.set(digest, 'models')
  const kinds = new Map<KeptKind, { items: number; bytes: number }>()
  const add = (kind: KeptKind, items: number, bytes: number) => {
    const known = kinds.get(kind) ?? { items: 0, bytes: 0 }
    kinds.set(kind, { items: known.items + items, bytes: known.bytes + bytes })
  }
  for (const { digest, bytes } of files) add(kindOf.get(digest) ?? 'other', 1, bytes)
  // Half-fetched models take room, too.
  for (const { keptBytes, bytes } of models) if (keptBytes > 0 && keptBytes < bytes) add('models', 1, keptBytes)
  for (const kind of ['conversations', 'receipts'] as const) {
    const entries = await indexedDbRecords().open<unknown>(kind).entries()
    add(kind, entries.length, JSON.stringify(entries, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).length)
  }
  const estimate = await navigator.storage?.estimate?.()
  return {
    kinds: [...kinds].map(([kind, sums]) => ({ kind, ...sums })),
    usedBytes: estimate?.usage ?? null,
    quotaBytes: estimate?.quota ?? null,
    persistent: (await navigator.storage?.persisted?.()) ?? false,
  }
}
