// h[t] += W · x[t]: the attention output and the MLP's down projection join the residual stream, and the next norm is prepared:
// next[t] = h[t] ⊙ gain, and behind it the sum of squares of each thread's (lanes: each workgroup's) columns of h.
// Tile u holds rows 4u .. 4u + 3. x: attention or project-swiglu. h: [rows][H_STRIDE] vec4, padding 0 as embed wrote it.
// next: [rows][NEXT_STRIDE] f32, sums from NEXT_SUMS_AT on: what the projections read as X (tile/shared.wgsl).
// Cost: 2 · in · out FLOP a token; reads W once for each tile of tokens.
@group(0) @binding(3) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> h: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> next: array<f32>;

override H_STRIDE: u32;
override NEXT_STRIDE: u32;
override NEXT_SUMS_AT: u32;
const CLOSES = true;

fn token_count() -> u32 {
  return batch.rows;
}

fn input_row(token: u32) -> u32 {
  return token;
}

fn ahead(tile: u32, token: u32) {}

fn finish(tile: u32, token: u32, sums: vec4<f32>) -> f32 {
  let at = token * H_STRIDE + tile;
  let y = h[at] + sums;
  h[at] = y;
  let x = y * gain[tile];
  let to = token * NEXT_STRIDE + 4u * tile;
  next[to] = x.x;
  next[to + 1u] = x.y;
  next[to + 2u] = x.z;
  next[to + 3u] = x.w;
  return dot(y, y);
}

fn close(token: u32, entry: u32, squares: f32) {
  next[token * NEXT_STRIDE + NEXT_SUMS_AT + entry] = squares;
}
