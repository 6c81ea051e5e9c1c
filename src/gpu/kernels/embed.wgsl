// h[t] = E[token[t]]: one row of the embedding, decoded from its tile (see the weights preludes).
// Grid: x blocks of 32 columns / 64, y rows. A segment writes only the tokens whose tiles it holds.
// Cost: one row of E a token. h: [rows][H_STRIDE] f32.
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read_write> h: array<f32>;

override WIDTH: u32;
override H_STRIDE: u32;

fn put(row: u32, column: u32, x: f32) {
  if (column < WIDTH) {
    h[row * H_STRIDE + column] = x;
  }
}

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let token = tokens[id.y];
  let tile = token / 4u;
  if (id.x >= BLOCKS || tile < TILE_BASE || tile - TILE_BASE >= TILES) {
    return;
  }
  let lane = token % 4u;
  let at = ((tile - TILE_BASE) * BLOCKS + id.x) * BLOCK_WORDS;
  let block = terms(at);
  let scale = block.scale[lane];
  let shift = block.shift[lane];
  // Undo what a prelude leaves in its quads: the power of two by which a number's place in its word scales it.
  let low = spread_low(vec4(1.0));
  let high = spread_high(vec4(1.0));
  for (var j = 0u; j < 4u; j++) {
    let w = quads(at, j);
    for (var i = 0u; i < 4u; i++) {
      put(id.y, id.x * 32u + 4u * j + i, scale * (w.low[i][lane] * low[i]) + shift);
      put(id.y, id.x * 32u + 16u + 4u * j + i, scale * (w.high[i][lane] * high[i]) + shift);
    }
  }
}
