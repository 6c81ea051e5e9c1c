// Prelude of every projection: y[t] = W · x[t], four rows of W a tile. The weights prelude says how a tile block of 4 rows ×
// 32 columns is stored, the tile prelude who computes what, the kernel's `finish` what becomes of four row sums.
// W: [tiles][BLOCKS][BLOCK_WORDS] vec4<u32>, written once at load. X: [tokens][X_STRIDE] vec4, columns past the width are 0.
struct Quads {
  // Columns 4j .. 4j + 3 and 16 + 4j .. 16 + 4j + 3 of a block, one matrix column a weight column, one component a row.
  low: mat4x4<f32>,
  high: mat4x4<f32>,
}

// Counts of this submit: fed rows, and rows whose logits are wanted.
struct Batch {
  rows: u32,
  picks: u32,
}

// w = scale · q + shift, one component a row.
struct Terms {
  scale: vec4<f32>,
  shift: vec4<f32>,
}

@group(0) @binding(0) var<storage, read> W: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> X: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> batch: Batch;

override BLOCKS: u32;
override X_STRIDE: u32;
// Tiles of this segment of W, and how many stand before it in earlier segments.
override TILES: u32;
override TILE_BASE: u32 = 0;
override WORKGROUP: u32 = 8;
