// Prelude: four tokens × four rows a thread, in registers; no barrier. A few rows decoded together: one weight read for all.
// Grid: x tiles / WORKGROUP, y tokens / 4. Tokens past the last repeat it and are not written. f32 accumulators.
// Unrolled by hand: an array indexed by a loop lives in memory on SwiftShader.
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = id.x;
  if (tile >= TILES) {
    return;
  }
  let first = id.y * 4u;
  let last = token_count() - 1u;
  let x0 = min(first, last) * X_STRIDE;
  let x1 = min(first + 1u, last) * X_STRIDE;
  let x2 = min(first + 2u, last) * X_STRIDE;
  let x3 = min(first + 3u, last) * X_STRIDE;
  var y0 = vec4<f32>();
  var y1 = vec4<f32>();
  var y2 = vec4<f32>();
  var y3 = vec4<f32>();
  var at = tile * BLOCKS * BLOCK_WORDS;
  for (var b = 0u; b < BLOCKS; b++) {
    var p0 = vec4<f32>();
    var s0 = vec4<f32>();
    var p1 = vec4<f32>();
    var s1 = vec4<f32>();
    var p2 = vec4<f32>();
    var s2 = vec4<f32>();
    var p3 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var j = 0u; j < 4u; j++) {
      let w = quads(at, j);
      let c = b * 8u + j;
      let l0 = X[x0 + c];
      let h0 = X[x0 + c + 4u];
      p0 += w.low * spread_low(l0);
      p0 += w.high * spread_high(h0);
      s0 += l0 + h0;
      let l1 = X[x1 + c];
      let h1 = X[x1 + c + 4u];
      p1 += w.low * spread_low(l1);
      p1 += w.high * spread_high(h1);
      s1 += l1 + h1;
      let l2 = X[x2 + c];
      let h2 = X[x2 + c + 4u];
      p2 += w.low * spread_low(l2);
      p2 += w.high * spread_high(h2);
      s2 += l2 + h2;
      let l3 = X[x3 + c];
      let h3 = X[x3 + c + 4u];
      p3 += w.low * spread_low(l3);
      p3 += w.high * spread_high(h3);
      s3 += l3 + h3;
    }
    let block = terms(at);
    y0 += block.scale * p0;
    y1 += block.scale * p1;
    y2 += block.scale * p2;
    y3 += block.scale * p3;
    if (SHIFTED) {
      y0 += block.shift * dot(s0, vec4(1.0));
      y1 += block.shift * dot(s1, vec4(1.0));
      y2 += block.shift * dot(s2, vec4(1.0));
      y3 += block.shift * dot(s3, vec4(1.0));
    }
    at += BLOCK_WORDS;
  }
  finish(TILE_BASE + tile, first, y0);
  if (first + 1u <= last) {
    finish(TILE_BASE + tile, first + 1u, y1);
  }
  if (first + 2u <= last) {
    finish(TILE_BASE + tile, first + 2u, y2);
  }
  if (first + 3u <= last) {
    finish(TILE_BASE + tile, first + 3u, y3);
  }
}
