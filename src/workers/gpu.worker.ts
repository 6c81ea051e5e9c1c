// The worker that owns the device. What it does is gpu-desk.ts.
import { browserGpu } from '../gpu/device.ts'
import { openBlobs } from '../storage/open.ts'
import { GpuDesk } from './gpu-desk.ts'
import { expose } from './rpc.ts'

expose(new GpuDesk(browserGpu, openBlobs()))
