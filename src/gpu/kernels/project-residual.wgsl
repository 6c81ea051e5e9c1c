// h[t] += W · x[t]: the attention output and the MLP's down projection join the residual stream.
// Tile u holds rows 4u .. 4u + 3. x: attention or project-swiglu. h: [rows][H_STRIDE] f32.
// Cost: 2 · in · out FLOP a token; reads W once for each tile of tokens.
@group(0) @binding(3) var<storage, read_write> h: array<f32>;

override H_STRIDE: u32;
override OUT_ROWS: u32;

fn token_count() -> u32 {
  return batch.rows;
}

fn finish(tile: u32, token: u32, sums: vec4<f32>) {
  let r = 4u * tile;
  // Rows past the end of a width that is no multiple of four hold zeros; B of an adapter has no such rows to read.
  let y = with_delta(sums, token, 0u, min(vec4(r, r + 1u, r + 2u, r + 3u), vec4(OUT_ROWS - 1u)));
  let to = token * H_STRIDE + r;
  h[to] += y.x;
  if (r + 1u < OUT_ROWS) {
    h[to + 1u] += y.y;
  }
  if (r + 2u < OUT_ROWS) {
    h[to + 2u] += y.z;
  }
  if (r + 3u < OUT_ROWS) {
    h[to + 3u] += y.w;
  }
}
