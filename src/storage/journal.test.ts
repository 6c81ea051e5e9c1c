import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { createBlobs } from './blobs.ts'
import { openJournal } from './journal.ts'
import { memoryPieces } from './pieces.ts'
import { memoryRecords } from './records.ts'

const text = (value: string) => new TextEncoder().encode(value)
const sha256 = (value: string) => createHash('sha256').update(value).digest('hex')

it('misses what went away by itself, not what was deleted, and tells it until it was read', async () => {
  const pieces = memoryPieces()
  const journal = openJournal(memoryRecords().open('kept'))
  const blobs = createBlobs(pieces, 4, journal)
  for (const name of ['stays', 'deleted', 'evicted']) await blobs.put(sha256(name), text(name))
  await blobs.delete(sha256('deleted'))
  expect(await journal.missing(blobs)).toEqual([])
  await pieces.remove(`${sha256('evicted')}.000001`)
  expect(await journal.missing(blobs)).toEqual([{ digest: sha256('evicted'), bytes: 7 }])
  await journal.forget(sha256('evicted'))
  expect(await journal.missing(blobs)).toEqual([])
})
