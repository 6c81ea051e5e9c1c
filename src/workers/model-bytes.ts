// Where a load reads its model from: the file that is kept, or the file on its way where its chunks can be judged as they come.
// Not the loading, and not the choice whether a model may be loaded before it is whole: gpu-desk.ts.
// Invariant: what is kept is not hashed twice: each chunk is judged when the load first reads it.
import type { BlobStore } from '../storage/blobs.ts'
import { type DownloadRequest, download } from '../storage/download.ts'
import { arrivingSource, type ModelBytes } from './arriving-source.ts'
import type { LoadProgress, ModelFile } from './gpu-api.ts'
import { blobSource, verifiedSource } from './sources.ts'

export interface Bringing {
  blobs: BlobStore
  progress: (event: LoadProgress) => void
  signal: AbortSignal
}

/** The file, brought here if it is not. @throws digest_mismatch, download_failed, storage_full, cancelled */
export function bringModel(model: ModelFile, { blobs, progress, signal }: Bringing, how: Partial<DownloadRequest> = {}): Promise<Blob> {
  return download({
    urls: model.urls,
    digest: model.sha256,
    bytes: model.bytes,
    ...(model.chunks === undefined ? {} : { chunks: model.chunks }),
    blobs,
    signal,
    onProgress: ({ phase, doneBytes, bytesPerSecond }) => {
      if (phase !== 'waiting') progress({ stage: phase, receivedBytes: doneBytes, totalBytes: model.bytes, bytesPerSecond })
    },
    ...how,
  })
}

/** The whole file, brought here first. @throws as {@link bringModel} */
export async function keptModel(model: ModelFile, bringing: Bringing): Promise<ModelBytes> {
  const file = await bringModel(model, bringing, { unchecked: true })
  const list = await bringing.blobs.chunks(model.sha256)
  const source = list === null ? { ...blobSource(file), forget: () => undefined } : verifiedSource(file, list)
  return { ...source, complete: true, whole: Promise.resolve(), stop: () => Promise.resolve() }
}

/** The file as it comes, or {@link keptModel} where it lies here already or where only its end could judge it. */
export async function comingModel(model: ModelFile, bringing: Bringing): Promise<ModelBytes> {
  const { blobs, signal } = bringing
  const { bytes, chunks = [], sha256 } = model
  const { chunkBytes } = blobs
  if (chunks.length !== Math.ceil(bytes / chunkBytes) || (await blobs.has(sha256))) return keptModel(model, bringing)
  return arrivingSource(bytes, { chunkBytes, chunks }, (follower, ended) =>
    bringModel(model, { ...bringing, signal: AbortSignal.any([signal, ended]) }, { unchecked: true, follower }),
  )
}
