// Prelude: eight tokens × eight tiles (32 rows) a thread, no barrier. Prefill on a processor that plays a GPU, whose registers lie in
// its cache anyway: there half of thread-4's time goes to reading x and to reading and unpacking W, and here each is read half as
// often. A GPU would spill. Same sums in the same order as thread-4, bit for bit.
// Grid: x tiles / 8 / WORKGROUP, y tokens / 8. Tokens and tiles past the last repeat it and are not written.
// Named members instead of arrays: an array indexed by a loop lives in memory on SwiftShader. What is finished goes by a loop all the
// same, as in thread-4: written out 64 times it took SwiftShader seconds to compile.
// Tokens × tiles a thread, SmolLM2's layers, ms of processor a token, one run (2026-11): 4 × 4 76, 8 × 4 64, 8 × 8 58, 16 × 8 55, 12 × 4 67.
struct Tiles {
  a: Quads,
  b: Quads,
  c: Quads,
  d: Quads,
  e: Quads,
  f: Quads,
  g: Quads,
  h: Quads,
}

// Of one token: Σx of a block, and sums of eight tiles.
struct Sums {
  x: vec4<f32>,
  a: vec4<f32>,
  b: vec4<f32>,
  c: vec4<f32>,
  d: vec4<f32>,
  e: vec4<f32>,
  f: vec4<f32>,
  g: vec4<f32>,
  h: vec4<f32>,
}

struct Scales {
  a: Terms,
  b: Terms,
  c: Terms,
  d: Terms,
  e: Terms,
  f: Terms,
  g: Terms,
  h: Terms,
}

fn block_at(tile: u32, block: u32) -> u32 {
  return (min(tile, TILES - 1u) * BLOCKS + block) * BLOCK_WORDS;
}

fn add_columns(p: Sums, w: Tiles, at: u32) -> Sums {
  let low = X[at];
  let high = X[at + 4u];
  let l = spread_low(low);
  let h = spread_high(high);
  return Sums(
    p.x + (low + high),
    p.a + w.a.low * l + w.a.high * h,
    p.b + w.b.low * l + w.b.high * h,
    p.c + w.c.low * l + w.c.high * h,
    p.d + w.d.low * l + w.d.high * h,
    p.e + w.e.low * l + w.e.high * h,
    p.f + w.f.low * l + w.f.high * h,
    p.g + w.g.low * l + w.g.high * h,
    p.h + w.h.low * l + w.h.high * h,
  );
}

fn add_scaled(y: Sums, p: Sums, t: Scales) -> Sums {
  var z = Sums(
    p.x,
    y.a + t.a.scale * p.a,
    y.b + t.b.scale * p.b,
    y.c + t.c.scale * p.c,
    y.d + t.d.scale * p.d,
    y.e + t.e.scale * p.e,
    y.f + t.f.scale * p.f,
    y.g + t.g.scale * p.g,
    y.h + t.h.scale * p.h,
  );
  if (SHIFTED) {
    let sum = dot(p.x, vec4(1.0));
    z.a += t.a.shift * sum;
    z.b += t.b.shift * sum;
    z.c += t.c.shift * sum;
    z.d += t.d.shift * sum;
    z.e += t.e.shift * sum;
    z.f += t.f.shift * sum;
    z.g += t.g.shift * sum;
    z.h += t.h.shift * sum;
  }
  return z;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let tile = 8u * id.x;
  let first = 8u * id.y;
  let last = token_count() - 1u;
  if (tile >= TILES) {
    for (var token = first; token <= min(last, first + 7u); token += 4u) {
      extra_rows(id.x - (TILES + 7u) / 8u, token, min(token + 4u, last + 1u));
    }
    return;
  }
  let x0 = input_row(min(first + 0u, last)) * X_STRIDE;
  let x1 = input_row(min(first + 1u, last)) * X_STRIDE;
  let x2 = input_row(min(first + 2u, last)) * X_STRIDE;
  let x3 = input_row(min(first + 3u, last)) * X_STRIDE;
  let x4 = input_row(min(first + 4u, last)) * X_STRIDE;
  let x5 = input_row(min(first + 5u, last)) * X_STRIDE;
  let x6 = input_row(min(first + 6u, last)) * X_STRIDE;
  let x7 = input_row(min(first + 7u, last)) * X_STRIDE;
  var y0 = Sums();
  var y1 = Sums();
  var y2 = Sums();
  var y3 = Sums();
  var y4 = Sums();
  var y5 = Sums();
  var y6 = Sums();
  var y7 = Sums();
  for (var block = 0u; block < BLOCKS; block++) {
    let a = block_at(tile + 0u, block);
    let b = block_at(tile + 1u, block);
    let c = block_at(tile + 2u, block);
    let d = block_at(tile + 3u, block);
    let e = block_at(tile + 4u, block);
    let f = block_at(tile + 5u, block);
    let g = block_at(tile + 6u, block);
    let h = block_at(tile + 7u, block);
    var p0 = Sums();
    var p1 = Sums();
    var p2 = Sums();
    var p3 = Sums();
    var p4 = Sums();
    var p5 = Sums();
    var p6 = Sums();
    var p7 = Sums();
    for (var j = 0u; j < 4u; j++) {
      let column = block * 8u + j;
      let w = Tiles(quads(a, j), quads(b, j), quads(c, j), quads(d, j), quads(e, j), quads(f, j), quads(g, j), quads(h, j));
      p0 = add_columns(p0, w, x0 + column);
      p1 = add_columns(p1, w, x1 + column);
      p2 = add_columns(p2, w, x2 + column);
      p3 = add_columns(p3, w, x3 + column);
      p4 = add_columns(p4, w, x4 + column);
      p5 = add_columns(p5, w, x5 + column);
      p6 = add_columns(p6, w, x6 + column);
      p7 = add_columns(p7, w, x7 + column);
    }
    let t = Scales(terms(a), terms(b), terms(c), terms(d), terms(e), terms(f), terms(g), terms(h));
    y0 = add_scaled(y0, p0, t);
    y1 = add_scaled(y1, p1, t);
    y2 = add_scaled(y2, p2, t);
    y3 = add_scaled(y3, p3, t);
    y4 = add_scaled(y4, p4, t);
    y5 = add_scaled(y5, p5, t);
    y6 = add_scaled(y6, p6, t);
    y7 = add_scaled(y7, p7, t);
  }
  var all = array<Sums, 8>(y0, y1, y2, y3, y4, y5, y6, y7);
  for (var token = first; token <= min(last, first + 7u); token++) {
    let y = all[token - first];
    let factor = row_factor(input_row(token) * X_STRIDE);
    var sums = array<vec4<f32>, 8>(y.a, y.b, y.c, y.d, y.e, y.f, y.g, y.h);
    for (var four = 0u; four < min(8u, TILES - tile); four += 4u) {
      ahead(TILE_BASE + tile + four, token);
      var share = 0.0;
      for (var i = four; i < min(four + 4u, TILES - tile); i++) {
        share += finish(TILE_BASE + tile + i, token, factor * sums[i]);
      }
      close(token, (TILE_BASE + tile + four) / 4u, share);
    }
  }
}
