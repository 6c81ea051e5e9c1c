// Prelude: four tokens × four tiles (sixteen rows) a thread, in registers; no barrier. Prefill, and a few rows decoded together.
// Grid: x tiles / 4 / WORKGROUP, y tokens / 4. Tokens past the last repeat it and are not written.
// Unrolled by hand: an array indexed by a loop lives in memory on SwiftShader. There, tokens × tiles a thread on two cores:
// 8 × 1 3.4 GFLOP/s, 4 × 2 4.6, 4 × 4 5.9, 8 × 4 7.0 (Q4_1, 2026-11); 8 × 4 would spill the registers of most GPUs.
// What is finished goes by a loop all the same: under adapters `finish` written out sixteen times took SwiftShader 1.3 s to compile, not 0.1.
// Tiles past the last repeat it and are not written. Σx of a block is taken beside the products: d·Σq·x + m·Σx. f32 sums.
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = 4u * id.x;
  let first = 4u * id.y;
  let last = token_count() - 1u;
  if (tile >= TILES) {
    extra_rows(id.x - (TILES + 3u) / 4u, first, min(first + 4u, last + 1u));
    return;
  }
  let x0 = input_row(min(first + 0u, last)) * X_STRIDE;
  let x1 = input_row(min(first + 1u, last)) * X_STRIDE;
  let x2 = input_row(min(first + 2u, last)) * X_STRIDE;
  let x3 = input_row(min(first + 3u, last)) * X_STRIDE;
  var a = min(tile + 0u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var b = min(tile + 1u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var c = min(tile + 2u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var d = min(tile + 3u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var y0a = vec4<f32>();
  var y0b = vec4<f32>();
  var y0c = vec4<f32>();
  var y0d = vec4<f32>();
  var y1a = vec4<f32>();
  var y1b = vec4<f32>();
  var y1c = vec4<f32>();
  var y1d = vec4<f32>();
  var y2a = vec4<f32>();
  var y2b = vec4<f32>();
  var y2c = vec4<f32>();
  var y2d = vec4<f32>();
  var y3a = vec4<f32>();
  var y3b = vec4<f32>();
  var y3c = vec4<f32>();
  var y3d = vec4<f32>();
  for (var block = 0u; block < BLOCKS; block++) {
    var s0 = vec4<f32>();
    var p0a = vec4<f32>();
    var p0b = vec4<f32>();
    var p0c = vec4<f32>();
    var p0d = vec4<f32>();
    var s1 = vec4<f32>();
    var p1a = vec4<f32>();
    var p1b = vec4<f32>();
    var p1c = vec4<f32>();
    var p1d = vec4<f32>();
    var s2 = vec4<f32>();
    var p2a = vec4<f32>();
    var p2b = vec4<f32>();
    var p2c = vec4<f32>();
    var p2d = vec4<f32>();
    var s3 = vec4<f32>();
    var p3a = vec4<f32>();
    var p3b = vec4<f32>();
    var p3c = vec4<f32>();
    var p3d = vec4<f32>();
    for (var j = 0u; j < 4u; j++) {
      let column = block * 8u + j;
      let wa = quads(a, j);
      let wb = quads(b, j);
      let wc = quads(c, j);
      let wd = quads(d, j);
      let low0 = X[x0 + column];
      let high0 = X[x0 + column + 4u];
      s0 += low0 + high0;
      let l0 = spread_low(low0);
      let h0 = spread_high(high0);
      p0a += wa.low * l0;
      p0a += wa.high * h0;
      p0b += wb.low * l0;
      p0b += wb.high * h0;
      p0c += wc.low * l0;
      p0c += wc.high * h0;
      p0d += wd.low * l0;
      p0d += wd.high * h0;
      let low1 = X[x1 + column];
      let high1 = X[x1 + column + 4u];
      s1 += low1 + high1;
      let l1 = spread_low(low1);
      let h1 = spread_high(high1);
      p1a += wa.low * l1;
      p1a += wa.high * h1;
      p1b += wb.low * l1;
      p1b += wb.high * h1;
      p1c += wc.low * l1;
      p1c += wc.high * h1;
      p1d += wd.low * l1;
      p1d += wd.high * h1;
      let low2 = X[x2 + column];
      let high2 = X[x2 + column + 4u];
      s2 += low2 + high2;
      let l2 = spread_low(low2);
      let h2 = spread_high(high2);
      p2a += wa.low * l2;
      p2a += wa.high * h2;
      p2b += wb.low * l2;
      p2b += wb.high * h2;
      p2c += wc.low * l2;
      p2c += wc.high * h2;
      p2d += wd.low * l2;
      p2d += wd.high * h2;
      let low3 = X[x3 + column];
      let high3 = X[x3 + column + 4u];
      s3 += low3 + high3;
      let l3 = spread_low(low3);
      let h3 = spread_high(high3);
      p3a += wa.low * l3;
      p3a += wa.high * h3;
      p3b += wb.low * l3;
      p3b += wb.high * h3;
      p3c += wc.low * l3;
      p3c += wc.high * h3;
      p3d += wd.low * l3;
      p3d += wd.high * h3;
    }
    let ta = terms(a);
    let tb = terms(b);
    let tc = terms(c);
    let td = terms(d);
    y0a += ta.scale * p0a;
    y0b += tb.scale * p0b;
    y0c += tc.scale * p0c;
    y0d += td.scale * p0d;
    y1a += ta.scale * p1a;
    y1b += tb.scale * p1b;
    y1c += tc.scale * p1c;
    y1d += td.scale * p1d;
    y2a += ta.scale * p2a;
    y2b += tb.scale * p2b;
    y2c += tc.scale * p2c;
    y2d += td.scale * p2d;
    y3a += ta.scale * p3a;
    y3b += tb.scale * p3b;
    y3c += tc.scale * p3c;
    y3d += td.scale * p3d;
    if (SHIFTED) {
      let sum0 = dot(s0, vec4(1.0));
      y0a += ta.shift * sum0;
      y0b += tb.shift * sum0;
      y0c += tc.shift * sum0;
      y0d += td.shift * sum0;
      let sum1 = dot(s1, vec4(1.0));
      y1a += ta.shift * sum1;
      y1b += tb.shift * sum1;
      y1c += tc.shift * sum1;
      y1d += td.shift * sum1;
      let sum2 = dot(s2, vec4(1.0));
      y2a += ta.shift * sum2;
      y2b += tb.shift * sum2;
      y2c += tc.shift * sum2;
      y2d += td.shift * sum2;
      let sum3 = dot(s3, vec4(1.0));
      y3a += ta.shift * sum3;
      y3b += tb.shift * sum3;
      y3c += tc.shift * sum3;
      y3d += td.shift * sum3;
    }
    a += BLOCK_WORDS;
    b += BLOCK_WORDS;
    c += BLOCK_WORDS;
    d += BLOCK_WORDS;
  }
  var all = array<vec4<f32>, 16>(y0a, y0b, y0c, y0d, y1a, y1b, y1c, y1d, y2a, y2b, y2c, y2d, y3a, y3b, y3c, y3d);
  for (var token = first; token <= min(last, first + 3u); token++) {
    let factor = row_factor(input_row(token) * X_STRIDE);
    ahead(TILE_BASE + tile, token);
    var share = 0.0;
    for (var i = 0u; i < min(4u, TILES - tile); i++) {
      share += finish(TILE_BASE + tile + i, token, factor * all[4u * (token - first) + i]);
    }
    close(token, (TILE_BASE + tile) / 4u, share);
  }
}
