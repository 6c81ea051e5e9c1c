// logits[p] = W_head · norm(h[picks[p]]) for the picked rows only: of a prefill, most rows need none.
// Tile u holds vocabulary rows 4u .. 4u + 3. X: the residual stream ⊙ the last norm's gain, with its sums of squares behind
// (project-residual or norm-shrink). logits: [picks][VOCAB] f32. No adapter reaches the head. Cost: 2 · hidden · vocab FLOP a pick.
@group(0) @binding(3) var<storage, read> picks: array<u32>;
@group(0) @binding(4) var<storage, read_write> logits: array<f32>;

override VOCAB: u32;
const CLOSES = false;

fn token_count() -> u32 {
  return batch.picks;
}

fn input_row(token: u32) -> u32 {
  return picks[token];
}

fn ahead(tile: u32, token: u32) {}

fn finish(tile: u32, token: u32, sums: vec4<f32>) -> f32 {
  let r = 4u * tile;
  let to = token * VOCAB + r;
  logits[to] = sums.x;
  if (r + 1u < VOCAB) {
    logits[to + 1u] = sums.y;
  }
  if (r + 2u < VOCAB) {
    logits[to + 2u] = sums.z;
  }
  if (r + 3u < VOCAB) {
    logits[to + 3u] = sums.w;
  }
  return 0.0;
}

fn close(token: u32, entry: u32, squares: f32) {}
