// Prelude: one token × four rows by LANES neighbouring threads, each every LANES-th block, summed by a team prelude.
// Decode on a GPU, where one thread a tile would leave most of the machine idle. A workgroup of 64 holds 64 / LANES tiles.
// Grid: x tiles / (64 / LANES), y tokens. On SwiftShader, where a barrier costs a switch of every thread, it is ten times
// slower than one thread a tile: model/forward.ts times both on the loaded model and keeps the faster.
// The norm's sums of squares are read by the same lanes and summed with them. Workgroups past the last tile have extra rows.
override LANES: u32 = 16;
var<workgroup> partial: array<vec4<f32>, 64>;
var<workgroup> shares: array<f32, 64>;

// Of a tile, right in the first of its lanes: four row sums, and of squares. Made by team_sum of a team prelude.
struct TeamSum {
  y: vec4<f32>,
  squares: f32,
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let token = group.y;
  let groups = (TILES * LANES + 63u) / 64u;
  if (group.x >= groups) {
    extra_row_together(group.x - groups, token, local);
    return;
  }
  let tile = group.x * (64u / LANES) + local / LANES;
  let lane = local % LANES;
  let x0 = input_row(token) * X_STRIDE;
  var y = vec4<f32>();
  if (tile < TILES) {
    for (var b = lane; b < BLOCKS; b += LANES) {
      let at = (tile * BLOCKS + b) * BLOCK_WORDS;
      var p = vec4<f32>();
      var s = vec4<f32>();
      for (var j = 0u; j < 4u; j++) {
        let w = quads(at, j);
        let low = X[x0 + b * 8u + j];
        let high = X[x0 + b * 8u + j + 4u];
        p += w.low * spread_low(low);
        p += w.high * spread_high(high);
        s += low + high;
      }
      let block = terms(at);
      y += block.scale * p;
      if (SHIFTED) {
        y += block.shift * dot(s, vec4(1.0));
      }
    }
  }
  var squares = vec4<f32>();
  for (var i = lane; i < PARTIALS; i += LANES) {
    squares += X[x0 + SUMS_AT + i];
  }
  let sum = team_sum(local, lane, y, dot(squares, vec4(1.0)));
  var share = 0.0;
  if (lane == 0u && tile < TILES) {
    left_of_norm = select(1.0, norm_factor(sum.squares), PARTIALS > 0u);
    share = finish(TILE_BASE + tile, token, left_of_norm * sum.y);
  }
  if (CLOSES) {
    workgroupBarrier();
    shares[local] = share;
    workgroupBarrier();
    if (local == 0u && tile < TILES) {
      var total = 0.0;
      for (var i = 0u; i < 64u; i += LANES) {
        total += shares[i];
      }
      close(token, TILE_BASE / (64u / LANES) + group.x, total);
    }
  }
}
