// h[t] = E[token[t]]: one row of the embedding, decoded from its tile (see the weights preludes), and the first norm prepared:
// next[t] = h[t] ⊙ gain, and behind it the sums of squares of each COLUMNS (8, 16 or 32) columns of h, as project-residual does.
// Grid: x blocks of 32 columns / 64, y rows. A segment writes only the tokens whose tiles it holds. Columns past the width are
// zeros in E, so the padding of h and of next is zero from here on.
// Cost: one row of E a token. h: [rows][H_STRIDE] vec4. next: [rows][NEXT_STRIDE] f32, sums from SUMS_AT on.
@group(0) @binding(3) var<storage, read> tokens: array<u32>;
@group(0) @binding(4) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> h: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> next: array<f32>;

override GAINS: u32;
override H_STRIDE: u32;
override NEXT_STRIDE: u32;
override COLUMNS: u32;

// Four columns of one row. Gives the sum of their squares.
fn put(row: u32, at: u32, y: vec4<f32>) -> f32 {
  h[row * H_STRIDE + at] = y;
  if (at < GAINS) {
    let x = y * gain[at];
    let to = row * NEXT_STRIDE + 4u * at;
    next[to] = x.x;
    next[to + 1u] = x.y;
    next[to + 2u] = x.z;
    next[to + 3u] = x.w;
  }
  return dot(y, y);
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
  let shift = vec4(block.shift[lane]);
  // Undo what a prelude leaves in its quads: the power of two by which a number's place in its word scales it.
  let low = spread_low(vec4(1.0));
  let high = spread_high(vec4(1.0));
  // Of columns 0 to 7, 8 to 15, 16 to 23, 24 to 31.
  var squares = vec4<f32>();
  for (var j = 0u; j < 4u; j++) {
    let w = quads(at, j);
    let a = vec4(w.low[0][lane], w.low[1][lane], w.low[2][lane], w.low[3][lane]);
    let b = vec4(w.high[0][lane], w.high[1][lane], w.high[2][lane], w.high[3][lane]);
    squares[j / 2u] += put(id.y, id.x * 8u + j, scale * (a * low) + shift);
    squares[2u + j / 2u] += put(id.y, id.x * 8u + 4u + j, scale * (b * high) + shift);
  }
  let to = id.y * NEXT_STRIDE + SUMS_AT + id.x * (32u / COLUMNS);
  if (COLUMNS == 8u) {
    next[to] = squares.x;
    next[to + 1u] = squares.y;
    next[to + 2u] = squares.z;
    next[to + 3u] = squares.w;
  } else if (COLUMNS == 16u) {
    next[to] = squares.x + squares.y;
    next[to + 1u] = squares.z + squares.w;
  } else {
    next[to] = dot(squares, vec4(1.0));
  }
}
