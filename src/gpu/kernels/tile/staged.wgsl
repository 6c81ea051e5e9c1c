// Prelude: 8 · WIDE rows × 4 · DEEP tokens by a workgroup of WIDE × DEEP threads, eight rows × four tokens a thread, through
// workgroup memory. Prefill on a GPU: a thread of tile/thread-4.wgsl decodes each weight for four tokens only.
// Grid: x tiles / (2 · WIDE), y tokens / (4 · DEEP). For each 32 columns the workgroup decodes its tiles' weights, scale and shift
// multiplied in, and lays x beside them, a vec4 of four tokens; then every thread sums over both in f32. What lies there is f32 or
// f16, as a prelude says (staged-f32.wgsl, staged-f16.wgsl). 16 KiB at most (f32: 1 KiB · WIDE + 512 B · DEEP; f16: half, and
// 32 B · DEEP of factors): past that a driver silently wrote zeros. WIDE is a multiple of 4, DEEP of 8 and at most 16.
// W: model/pack.ts. X: who writes the projection's input, with a norm's sums of squares behind (tile/shared.wgsl).
// Bytes for a multiplication with addition, Q4_1 and 8 × 8: of W 5/8 over 32 tokens, 0.02, of x 4 over 64 rows, 0.06; thread-4's
// 0.16 and 0.25. Of workgroup memory 1.5, in f16 0.75. Two barriers for each 1024 of them a thread, which is ruinous where a barrier switches
// threads (SwiftShader): model/forward.ts times it only where lanes, which have barriers too, decode faster than single threads.
// A sum of squares covers eight tiles, four threads'. Tiles and tokens past the last repeat it and are not written.
override WIDE: u32 = 8;
override DEEP: u32 = 8;
// [32 columns][2 · WIDE tiles], even tiles first, so that neighbours read neighbours.
var<workgroup> staged_w: array<Staged, 64 * WIDE>;
// [32 columns][DEEP], a component a token; behind them FACTORS · DEEP factors.
var<workgroup> staged_x: array<Staged, (32 + FACTORS) * DEEP>;

// A quarter of a tile block, 4 rows × 8 columns, as numbers.
fn stage(at: u32, j: u32, place: u32) {
  let w = quads(at, j);
  let block = terms(at);
  // A prelude's quads are off by the powers of two that it puts into x: undone here.
  let l = spread_low(vec4(1.0));
  let h = spread_high(vec4(1.0));
  let to = place + 8u * WIDE * j;
  staged_w[to] = staged(block.scale * (w.low[0] * l.x) + block.shift);
  staged_w[to + 2u * WIDE] = staged(block.scale * (w.low[1] * l.y) + block.shift);
  staged_w[to + 4u * WIDE] = staged(block.scale * (w.low[2] * l.z) + block.shift);
  staged_w[to + 6u * WIDE] = staged(block.scale * (w.low[3] * l.w) + block.shift);
  staged_w[to + 32u * WIDE] = staged(block.scale * (w.high[0] * h.x) + block.shift);
  staged_w[to + 34u * WIDE] = staged(block.scale * (w.high[1] * h.y) + block.shift);
  staged_w[to + 36u * WIDE] = staged(block.scale * (w.high[2] * h.z) + block.shift);
  staged_w[to + 38u * WIDE] = staged(block.scale * (w.high[3] * h.w) + block.shift);
}

@compute @workgroup_size(WIDE * DEEP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let first = 4u * DEEP * group.y;
  let last = token_count() - 1u;
  let groups = (TILES + 2u * WIDE - 1u) / (2u * WIDE);
  if (group.x >= groups) {
    let unit = (group.x - groups) * WIDE * DEEP + local;
    let start = first + 4u * (unit % DEEP);
    if (start <= last) {
      extra_rows(unit / DEEP, start, min(start + 4u, last + 1u));
    }
    return;
  }
  let first_tile = 2u * WIDE * group.x;
  let across = local % WIDE;
  let down = local / WIDE;
  var y0a = vec4<f32>();
  var y0b = vec4<f32>();
  var y1a = vec4<f32>();
  var y1b = vec4<f32>();
  var y2a = vec4<f32>();
  var y2b = vec4<f32>();
  var y3a = vec4<f32>();
  var y3b = vec4<f32>();
  if (FACTORS > 0u && PARTIALS > 0u) {
    if (local < 4u * DEEP) {
      staged_x[32u * DEEP + local] = whole(row_factor(input_row(min(first + local, last)) * X_STRIDE));
    }
    workgroupBarrier();
  }
  for (var block = 0u; block < BLOCKS; block++) {
    for (var i = local; i < 8u * WIDE; i += WIDE * DEEP) {
      let tile = i / 4u;
      let at = (min(first_tile + tile, TILES - 1u) * BLOCKS + block) * BLOCK_WORDS;
      stage(at, i % 4u, tile % 2u * WIDE + tile / 2u);
    }
    for (var i = local; i < 8u * DEEP; i += WIDE * DEEP) {
      let column = i % 8u;
      let place = 4u * (i / 8u);
      let token = first + place;
      let k = block * 8u + column;
      let x = transpose(mat4x4<f32>(
        scaled(X[input_row(min(token, last)) * X_STRIDE + k], place),
        scaled(X[input_row(min(token + 1u, last)) * X_STRIDE + k], place + 1u),
        scaled(X[input_row(min(token + 2u, last)) * X_STRIDE + k], place + 2u),
        scaled(X[input_row(min(token + 3u, last)) * X_STRIDE + k], place + 3u),
      ));
      let to = 4u * DEEP * column + i / 8u;
      staged_x[to] = staged(x[0]);
      staged_x[to + DEEP] = staged(x[1]);
      staged_x[to + 2u * DEEP] = staged(x[2]);
      staged_x[to + 3u * DEEP] = staged(x[3]);
    }
    workgroupBarrier();
    for (var k = 0u; k < 32u; k++) {
      let a = unstaged(staged_w[2u * WIDE * k + across]);
      let b = unstaged(staged_w[2u * WIDE * k + WIDE + across]);
      let x = unstaged(staged_x[DEEP * k + down]);
      y0a += a * x.x;
      y0b += b * x.x;
      y1a += a * x.y;
      y1b += b * x.y;
      y2a += a * x.z;
      y2b += b * x.z;
      y3a += a * x.w;
      y3b += b * x.w;
    }
    workgroupBarrier();
  }
  var factors = vec4(1.0);
  if (FACTORS == 0u && PARTIALS > 0u) {
    if (local < 4u * DEEP) {
      staged_x[local] = whole(row_factor(input_row(min(first + local, last)) * X_STRIDE));
    }
    workgroupBarrier();
    let at = 4u * down;
    factors = vec4(unwhole(staged_x[at]), unwhole(staged_x[at + 1u]), unwhole(staged_x[at + 2u]), unwhole(staged_x[at + 3u]));
  }
  let tile = first_tile + 2u * across;
  let token = first + 4u * down;
  var shares = vec4<f32>();
  if (tile < TILES) {
    if (token <= last) {
      shares.x = write(token, tile, factors.x, y0a, y0b);
    }
    if (token + 1u <= last) {
      shares.y = write(token + 1u, tile, factors.y, y1a, y1b);
    }
    if (token + 2u <= last) {
      shares.z = write(token + 2u, tile, factors.z, y2a, y2b);
    }
    if (token + 3u <= last) {
      shares.w = write(token + 3u, tile, factors.w, y3a, y3b);
    }
  }
  if (CLOSES) {
    // Four slots a thread, a token each.
    let to = 4u * (WIDE * down + across);
    staged_w[to] = whole(shares.x);
    staged_w[to + 1u] = whole(shares.y);
    staged_w[to + 2u] = whole(shares.z);
    staged_w[to + 3u] = whole(shares.w);
    workgroupBarrier();
    let entry = local / DEEP;
    let entry_tile = first_tile + 8u * entry;
    if (entry < WIDE / 4u && entry_tile < TILES) {
      let at = 4u * (WIDE * (local % DEEP) + 4u * entry);
      let start = first + 4u * (local % DEEP);
      for (var i = 0u; i < 4u && start + i <= last; i++) {
        let total = unwhole(staged_w[at + i]) + unwhole(staged_w[at + 4u + i]) + unwhole(staged_w[at + 8u + i]) + unwhole(staged_w[at + 12u + i]);
        close(start + i, (TILE_BASE + entry_tile) / 8u, total);
      }
    }
  }
}

// Four columns of x of the workgroup's `place`-th token, times its factor where that comes before the sum.
fn scaled(x: vec4<f32>, place: u32) -> vec4<f32> {
  if (FACTORS > 0u && PARTIALS > 0u) {
    return x * unwhole(staged_x[32u * DEEP + place]);
  }
  return x;
}

fn write(token: u32, tile: u32, factor: f32, a: vec4<f32>, b: vec4<f32>) -> f32 {
  var share = finish(TILE_BASE + tile, token, factor * a);
  if (tile + 1u < TILES) {
    share += finish(TILE_BASE + tile + 1u, token, factor * b);
  }
  return share;
}
