// Prelude: one token × four rows a thread; no barrier. Decode on processors without a wide machine behind each workgroup.
// Grid: x tiles / WORKGROUP, y tokens. Σx of a block is taken beside the products: d·Σq·x + m·Σx. f32 accumulators.
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = id.x;
  if (tile >= TILES) {
    return;
  }
  let first = id.y;
  let x0 = first * X_STRIDE;
  var y0 = vec4<f32>();
  var at = tile * BLOCKS * BLOCK_WORDS;
  for (var b = 0u; b < BLOCKS; b++) {
    var p0 = vec4<f32>();
    var s0 = vec4<f32>();
    for (var j = 0u; j < 4u; j++) {
      let w = quads(at, j);
      let c = b * 8u + j;
      let l0 = X[x0 + c];
      let h0 = X[x0 + c + 4u];
      p0 += w.low * spread_low(l0);
      p0 += w.high * spread_high(h0);
      s0 += l0 + h0;
    }
    let block = terms(at);
    y0 += block.scale * p0;
    if (SHIFTED) {
      y0 += block.shift * dot(s0, vec4(1.0));
    }
    at += BLOCK_WORDS;
  }
  finish(TILE_BASE + tile, first, y0);
}
