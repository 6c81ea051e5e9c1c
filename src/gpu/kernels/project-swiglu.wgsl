// m[t] = silu(W_gate · x[t]) ⊙ (W_up · x[t]), silu(a) = a / (1 + e^−a).
// Tile u holds rows 2u and 2u + 1 of gate, then 2u and 2u + 1 of up, so a thread owns both sides of a product.
// X: the residual stream, its norm still to be scaled (tile/shared.wgsl).
// m: [rows][M_STRIDE] f32; columns past FFN stay 0, as the buffer was made.
// Cost: 4 · hidden · ffn FLOP a token; reads W once for each tile of tokens.
@group(0) @binding(3) var<storage, read_write> m: array<f32>;

override M_STRIDE: u32;
override FFN: u32;
const CLOSES = false;

fn token_count() -> u32 {
  return batch.rows;
}

fn input_row(token: u32) -> u32 {
  return token;
}

fn silu(a: f32) -> f32 {
  return a / (1.0 + exp(-a));
}

// Before finish is called for four neighbouring tiles.
fn ahead(tile: u32, token: u32) {
  if (NEIGHBOURS == 4u) {
    keep_near(token, 0u, 2u * tile, 1u, 2u * tile);
  }
}

fn finish(tile: u32, token: u32, sums: vec4<f32>) -> f32 {
  let r = 2u * tile;
  var gate = gained_pair(sums.xy, token, 0u, r);
  var up = gained_pair(sums.zw, token, 1u, r);
  if (NEIGHBOURS == 4u) {
    let deltas = near_pairs((tile - TILE_BASE) % 4u);
    gate += deltas.xy;
    up += deltas.zw;
  } else {
    gate = with_pair(gate, token, 0u, r);
    up = with_pair(up, token, 1u, r);
  }
  let to = token * M_STRIDE + r;
  m[to] = silu(gate.x) * up.x;
  if (r + 1u < FFN) {
    m[to + 1u] = silu(gate.y) * up.y;
  }
  return 0.0;
}

fn close(token: u32, entry: u32, squares: f32) {}
