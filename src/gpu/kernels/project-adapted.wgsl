// h[t] += W · x[t] where an adapter changes the same module: its z is made in extra rows here (tile/rows-shrink.wgsl), its delta
// joins h in norm-shrink.wgsl, which then prepares the norm. Otherwise as project-residual.wgsl.
@group(0) @binding(3) var<storage, read_write> h: array<vec4<f32>>;

override H_STRIDE: u32;
const CLOSES = false;

fn token_count() -> u32 {
  return batch.rows;
}

fn input_row(token: u32) -> u32 {
  return token;
}

fn ahead(tile: u32, token: u32) {}

fn finish(tile: u32, token: u32, sums: vec4<f32>) -> f32 {
  h[token * H_STRIDE + tile] += gained_tile(sums, token, tile);
  return 0.0;
}

fn close(token: u32, entry: u32, squares: f32) {}
