// The datanet worker: the intake of files (datanet/intake.ts) served to the page.
import { OpenChatError } from '../errors.ts'
import type { DatanetWorker } from './datanet-api.ts'
import { expose } from './rpc.ts'

const worker: Pick<DatanetWorker, 'open'> = {
  async open() {
    throw new OpenChatError('engine_not_ready', 'The intake is not built into this page.')
  },
}

expose(worker)
