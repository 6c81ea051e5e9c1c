// Prelude: one token × four tiles (sixteen rows) a thread; no barrier. Decode where a barrier is dear.
// Grid: x tiles / 4 / WORKGROUP, y tokens. On SwiftShader every load is four scalar loads, so a load of x must serve many rows:
// with one tile a thread 2.5 GFLOP/s on two cores, two 3.2, four 3.6, eight 3.4 (Q4_1, 2026-11).
// Its loops are tested where they end, which is 6 % of it on SwiftShader and nothing in thread-4 and thread-8.
// Tiles past the last repeat it and are not written. Σx of a block is taken beside the products: d·Σq·x + m·Σx. f32 sums.
@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = 4u * id.x;
  let first = id.y;
  if (tile >= TILES) {
    extra_rows(id.x - (TILES + 3u) / 4u, first, first + 1u);
    return;
  }
  let x0 = input_row(first) * X_STRIDE;
  var a = min(tile + 0u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var b = min(tile + 1u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var c = min(tile + 2u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var d = min(tile + 3u, TILES - 1u) * BLOCKS * BLOCK_WORDS;
  var y0a = vec4<f32>();
  var y0b = vec4<f32>();
  var y0c = vec4<f32>();
  var y0d = vec4<f32>();
  var block = 0u;
  loop {
    var s0 = vec4<f32>();
    var p0a = vec4<f32>();
    var p0b = vec4<f32>();
    var p0c = vec4<f32>();
    var p0d = vec4<f32>();
    var j = 0u;
    loop {
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
      continuing {
        j++;
        break if j == 4u;
      }
    }
    let ta = terms(a);
    let tb = terms(b);
    let tc = terms(c);
    let td = terms(d);
    y0a += ta.scale * p0a;
    y0b += tb.scale * p0b;
    y0c += tc.scale * p0c;
    y0d += td.scale * p0d;
    if (SHIFTED) {
      let sum0 = dot(s0, vec4(1.0));
      y0a += ta.shift * sum0;
      y0b += tb.shift * sum0;
      y0c += tc.shift * sum0;
      y0d += td.shift * sum0;
    }
    a += BLOCK_WORDS;
    b += BLOCK_WORDS;
    c += BLOCK_WORDS;
    d += BLOCK_WORDS;
    continuing {
      block++;
      break if block >= BLOCKS;
    }
  }
  left_of_norm = row_factor(x0);
  write(first, tile, left_of_norm, y0a, y0b, y0c, y0d);
}

fn write(token: u32, tile: u32, factor: f32, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) {
  ahead(TILE_BASE + tile, token);
  var share = finish(TILE_BASE + tile, token, factor * a);
  if (tile + 1u < TILES) {
    share += finish(TILE_BASE + tile + 1u, token, factor * b);
  }
  if (tile + 2u < TILES) {
    share += finish(TILE_BASE + tile + 2u, token, factor * c);
  }
  if (tile + 3u < TILES) {
    share += finish(TILE_BASE + tile + 3u, token, factor * d);
  }
  close(token, (TILE_BASE + tile) / 4u, share);
}
