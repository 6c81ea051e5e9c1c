// Prelude of every projection: y[t] = W · x[t], four rows of W a tile. The weights prelude says how a tile block of 4 rows ×
// 32 columns is stored, the tile prelude who computes what, the kernel's `finish` what becomes of four row sums.
// W: [tiles][BLOCKS][BLOCK_WORDS] vec4<u32>, written once at load. X: [tokens][X_STRIDE] vec4, columns past the width are 0.
// A kernel gives: token_count(), input_row(token): its row of X, finish(tile, token, sums): what becomes of a tile's four row
// sums, giving back its share of what close(token, entry, sum of shares) keeps, and CLOSES: whether it keeps anything.
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
// Where x is a norm: how many vec4 of sums of squares stand behind each row and where, the norm's width, its ε. None: x is read as
// it stands.
override PARTIALS: u32 = 0;
override SUMS_AT: u32 = 0;
override NORM_WIDTH: u32 = 1;
override EPSILON: f32 = 0;

// 1 / sqrt(mean(h²) + ε) of a residual row h. X holds h ⊙ gain, unscaled: W · (f · x) = f · (W · x), so the norm costs neither a
// dispatch nor a load a weight. Who wrote the row wrote the sums.
fn norm_factor(squares: f32) -> f32 {
  return 1.0 / sqrt(squares / f32(NORM_WIDTH) + EPSILON);
}

// The factor of the row whose tiles are finished next, for who adds to their sums what still lacks it (tile/lora-expand.wgsl). Kept by
// the tiles of a few rows alone.
var<private> left_of_norm: f32 = 1.0;

fn row_factor(x0: u32) -> f32 {
  if (PARTIALS == 0u) {
    return 1.0;
  }
  var sum = vec4<f32>();
  for (var i = 0u; i < PARTIALS; i++) {
    sum += X[x0 + SUMS_AT + i];
  }
  return norm_factor(dot(sum, vec4(1.0)));
}
