// The worker that owns the device. What it does is gpu-desk.ts.
import { browserGpu } from '../gpu/device.ts'
import { openBlobs } from '../storage/open.ts'
import { indexedDbRecords } from '../storage/records.ts'
import { bootMemory } from './boot-memory.ts'
import { GpuDesk } from './gpu-desk.ts'
import { loadGrammarLibrary } from './grammar-library.ts'
import { expose } from './rpc.ts'

const memory = bootMemory(indexedDbRecords().open<string>('self-test'))
expose(new GpuDesk(browserGpu, openBlobs(), memory, loadGrammarLibrary))
