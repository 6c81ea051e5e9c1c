// The archive worker: reads files of conversations (archive-desk.ts) and writes them (archive-zip.ts) away from the page's own
// thread, and is closed after.
import type { ArchiveWorker } from './archive-api.ts'
import { readFile } from './archive-desk.ts'
import { zipOf } from './archive-zip.ts'
import { expose } from './rpc.ts'

const api: ArchiveWorker = { read: (file, now) => readFile(file, now), zip: zipOf }

expose(api)
