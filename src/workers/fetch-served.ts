// The files of a served datanet, each fetched, checked by its digest and kept. What they mean is the shelf's.
import type { BlobStore } from '../storage/blobs.ts'
import { download } from '../storage/download.ts'
import type { ServedDatanet } from './attribution-api.ts'
import type { ServedManifest } from './datanet-shelf.ts'

/** @throws digest_mismatch, download_failed, storage_full, cancelled */
export async function fetchServed(
  served: ServedDatanet,
  blobs: BlobStore,
  progress: (doneBytes: number, totalBytes: number) => void,
  signal: AbortSignal,
): Promise<{ manifest: ServedManifest; files: Record<string, Uint8Array> }> {
  const file = async (name: string, digest: string, bytes?: number) => {
    const blob = await download({ urls: [served.folder + name], digest, blobs, signal, ...(bytes === undefined ? {} : { bytes }) })
    return new Uint8Array(await blob.arrayBuffer())
  }
  const manifest = JSON.parse(new TextDecoder().decode(await file('manifest.json', served.digest))) as ServedManifest
  const total = Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0)
  const files: Record<string, Uint8Array> = {}
  let done = 0
  for (const [name, { bytes, sha256 }] of Object.entries(manifest.files)) {
    files[name] = await file(name, sha256, bytes)
    done += bytes
    progress(done, total)
  }
  return { manifest, files }
}
