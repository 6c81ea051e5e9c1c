// What keys and values are stored in, and the preludes that read and write them so. Sums are f32 whatever it is.
import readF16 from './read-f16.wgsl?raw'
import readF32 from './read-f32.wgsl?raw'
import writeF16 from './write-f16.wgsl?raw'
import writeF32 from './write-f32.wgsl?raw'

export type KvPrecision = 'f32' | 'f16'

export const kvReads: Readonly<Record<KvPrecision, string>> = { f32: readF32, f16: readF16 }
export const kvWrites: Readonly<Record<KvPrecision, string>> = { f32: writeF32, f16: writeF16 }
/** Of one number. */
export const kvBytes: Readonly<Record<KvPrecision, number>> = { f32: 4, f16: 2 }
