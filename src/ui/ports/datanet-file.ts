// An export into a file of this browser's own storage, so that a large one never stands in memory whole; from there the page
// offers it as a download. Where that storage cannot be written by streams, the pieces are gathered in memory.
// Invariant: at most one export is kept, the last.

import { streamOf } from '../../workers/rpc.ts'
import type { DatanetService, ExportFormat } from '../services.ts'
import type { DatanetDeskPorts } from './datanet-desk.ts'

const FOLDER = 'exports'
const KINDS: Record<ExportFormat, { ending: string; type: string }> = {
  jsonl: { ending: '.jsonl', type: 'application/jsonl' },
  parquet: { ending: '.parquet', type: 'application/vnd.apache.parquet' },
  card: { ending: '.md', type: 'text/markdown' },
}

export function exportDesk({ tracer, wallet, ensure }: DatanetDeskPorts): DatanetService['export'] {
  return async (id, format, progress, signal) => {
    const chain = await wallet()
    const proven = await chain.datanets.one(BigInt(id))
    await ensure(id, signal)
    const { labelled } = await import('../../wallet/chain-values.ts')
    const { name, description, licence, curator, contributions } = proven.value
    const facts = {
      datanet: id,
      name,
      description,
      licence,
      curator,
      chainId: chain.settings.chainId,
      contract: chain.settings.addresses.datanets,
      daCommitments: contributions.map(({ daCommitment }) => daCommitment),
      assurance: labelled(proven).assurance.label,
    }
    const pieces = streamOf((await tracer()).export(facts, format, progress, signal))
    const { ending, type } = KINDS[format]
    return written(pieces, `${fileName(name)}${ending}`, type)
  }
}

async function written(pieces: AsyncIterable<Uint8Array>, name: string, type: string): Promise<File> {
  const folder = await exportFolder()
  if (folder === null) {
    const held: BlobPart[] = []
    for await (const piece of pieces) held.push(Uint8Array.from(piece))
    return new File(held, name, { type })
  }
  const handle = await folder.getFileHandle(name, { create: true })
  const stream = await handle.createWritable()
  try {
    for await (const piece of pieces) await stream.write(Uint8Array.from(piece))
    await stream.close()
  } catch (error) {
    await stream.abort().catch(() => undefined)
    await folder.removeEntry(name).catch(() => undefined)
    throw error
  }
  return handle.getFile()
}

/** An empty folder, or null where streams cannot be written to this browser's storage. */
async function exportFolder(): Promise<FileSystemDirectoryHandle | null> {
  const writable = typeof FileSystemFileHandle !== 'undefined' && 'createWritable' in FileSystemFileHandle.prototype
  if (!writable || typeof navigator.storage?.getDirectory !== 'function') return null
  try {
    const root = await navigator.storage.getDirectory()
    await root.removeEntry(FOLDER, { recursive: true }).catch(() => undefined)
    return await root.getDirectoryHandle(FOLDER, { create: true })
  } catch {
    // Private windows of some browsers offer this storage and refuse to open it.
    return null
  }
}

/** "Solitary bees" → "solitary-bees"; letters of any script stay. */
const fileName = (name: string) =>
  name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '-')
    .replace(/^-|-$/g, '') || 'datanet'
