// What A and B of adapters are stored in, and the preludes that read them so. Sums are f32 whatever it is.
import f16 from './tile/lora-f16.wgsl?raw'
import f32 from './tile/lora-f32.wgsl?raw'

export type AdapterPrecision = 'f16' | 'f32'

export const adapterReads: Readonly<Record<AdapterPrecision, string>> = { f16, f32 }
/** Of one number. */
export const adapterBytes: Readonly<Record<AdapterPrecision, number>> = { f16: 2, f32: 4 }
