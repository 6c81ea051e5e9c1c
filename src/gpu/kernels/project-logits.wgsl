// logits[p] = W_head · x[p] for the picked rows only: of a prefill, most rows need none.
// Tile u holds vocabulary rows 4u .. 4u + 3. X: rms-norm over the picked rows. logits: [picks][VOCAB] f32.
// No adapter reaches the head. Cost: 2 · hidden · vocab FLOP a pick.
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;

override VOCAB: u32;

fn token_count() -> u32 {
  return batch.picks;
}

fn finish(tile: u32, token: u32, sums: vec4<f32>) {
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
}
