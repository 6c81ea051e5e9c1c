// Prelude of a projection that expands: where lora-expand.wgsl finds z and B. norm-shrink.wgsl, which writes z too, has its own.
@group(1) @binding(0) var<storage, read> Z: array<u32>;
@group(1) @binding(1) var<storage, read> B: array<Four>;

override Z_RECORD: u32;
override Z_PARTS: u32;
// Of z: lora-shrink-row.wgsl's SHARES.
override Z_SHARES: u32 = 1;
const SHARED_ROWS = 16u;
