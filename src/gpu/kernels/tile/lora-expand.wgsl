// Prelude: y[row] += Σ_r B[row][r] · z[r], where z = scale · A·x of the token's own adapters, written one dispatch before by
// what shrinks. A record of z says whose it is, segment by segment: lora-shrink-row.wgsl has its layout.
// No segment (slot 0, or a module the adapter leaves alone) adds nothing. B is [out / 2][ranks of the module] of two rows, ranks
// fastest and even in number, so four numbers (`four`, as for A) are two ranks of two rows: a tile's rows always come in pairs whose first is even. Ranks are
// added one by one, in order, so a face without some segments gives, bit for bit, what one built without them gives.
// Never merged into W: a quantised base would round the delta away.
// DoRA multiplies what W gives, row by row, by 1 + what stands in B behind the delta. Only where some adapter is DoRA.
override GAINED: bool = false;
// Tiles that a thread finishes one after the other, or 1.
override NEIGHBOURS: u32 = 1;

// One of B's pairs of rows.
fn pair_of(at: u32) -> vec2<f32> {
  let two = four(B[at / 2u]);
  return select(two.zw, two.xy, at % 2u == 0u);
}

// W·x under the token's gains, which has no bias yet; rows as in with_delta.
fn gained(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  if (!GAINED) {
    return y;
  }
  let gains = Z[(token * Z_PARTS + part) * Z_RECORD + 1u];
  if (gains == 0u) {
    return y;
  }
  return y + y * vec4(pair_of(gains - 1u + rows.x / 2u), pair_of(gains - 1u + rows.z / 2u));
}

fn gained_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  if (!GAINED) {
    return y;
  }
  let gains = Z[(token * Z_PARTS + part) * Z_RECORD + 1u];
  if (gains == 0u) {
    return y;
  }
  return y + y * pair_of(gains - 1u + row / 2u);
}

// A run of ranks: where its z stands, their number, where its first row's vec4 stand in B, how many a pair of rows has, and whether
// the first of them begins with a rank of another run.
struct Run {
  z: u32,
  rank: u32,
  b: u32,
  stride: u32,
  odd: u32,
}

fn runs_of(token: u32, part: u32) -> u32 {
  return Z[(token * Z_PARTS + part) * Z_RECORD];
}

// The s-th, whose z begins behind those of the ranks before it.
fn run_of(token: u32, part: u32, s: u32, before: u32) -> Run {
  let record = (token * Z_PARTS + part) * Z_RECORD;
  let b = Z[record + 2u + 2u * s];
  let rank = Z[record + 3u + 2u * s];
  return Run(record + 2u + 2u * Z[record] + before, rank, b / 2u, Z[record + Z_RECORD - 1u - s], b % 2u);
}

// What another workgroup summed of the z at `at` and behind it: the records of its share lie SHARED_ROWS rows further on.
fn share_of(at: u32, share: u32) -> vec2<f32> {
  let next = at + share * SHARED_ROWS * Z_PARTS * Z_RECORD;
  return bitcast<vec2<f32>>(vec2(Z[next], Z[next + 1u]));
}

// z of the two ranks of the i-th vec4; 0 for one that is not the run's. Shares of it lack what is left of the norm.
fn two_of(run: Run, i: u32) -> vec2<f32> {
  let at = run.z + 2u * i - run.odd;
  var z = bitcast<vec2<f32>>(vec2(Z[at], Z[at + 1u]));
  if (Z_SHARES > 1u) {
    z += share_of(at, 1u);
    if (Z_SHARES > 2u) {
      z += share_of(at, 2u) + share_of(at, 3u);
    }
    z *= left_of_norm;
  }
  return select(vec2<f32>(), z, vec2(2u * i >= run.odd, 2u * i + 1u < run.rank + run.odd));
}

// rows: r, r + 1, s, s + 1 with r and s even.
fn with_delta(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  var sum = y;
  var before = 0u;
  for (var s = 0u; s < runs_of(token, part); s++) {
    let run = run_of(token, part, s, before);
    let first = run.b + rows.x / 2u * run.stride;
    let second = run.b + rows.z / 2u * run.stride;
    var i = 0u;
    loop {
      let z = two_of(run, i);
      let a = four(B[first + i]);
      let b = four(B[second + i]);
      sum += z.x * vec4(a.xy, b.xy);
      sum += z.y * vec4(a.zw, b.zw);
      continuing {
        i++;
        break if 2u * i >= run.rank + run.odd;
      }
    }
    before += run.rank;
  }
  return sum;
}

// Rows r and r + 1, r even.
fn with_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  var sum = y;
  var before = 0u;
  for (var s = 0u; s < runs_of(token, part); s++) {
    let run = run_of(token, part, s, before);
    let first = run.b + row / 2u * run.stride;
    var i = 0u;
    loop {
      let z = two_of(run, i);
      let a = four(B[first + i]);
      sum += z.x * a.xy;
      sum += z.y * a.zw;
      continuing {
        i++;
        break if 2u * i >= run.rank + run.odd;
      }
    }
    before += run.rank;
  }
  return sum;
}

struct Eight {
  low: vec4<f32>,
  high: vec4<f32>,
}

// Deltas alone of eight rows, the first one even: what is read of z serves them all.
fn delta_of_eight(token: u32, part: u32, row: u32) -> Eight {
  var sum = Eight();
  var before = 0u;
  for (var s = 0u; s < runs_of(token, part); s++) {
    let run = run_of(token, part, s, before);
    let first = run.b + row / 2u * run.stride;
    let second = first + run.stride;
    let third = second + run.stride;
    let fourth = third + run.stride;
    var i = 0u;
    loop {
      let z = two_of(run, i);
      let a = four(B[first + i]);
      let b = four(B[second + i]);
      let c = four(B[third + i]);
      let d = four(B[fourth + i]);
      sum.low += z.x * vec4(a.xy, b.xy);
      sum.high += z.x * vec4(c.xy, d.xy);
      sum.low += z.y * vec4(a.zw, b.zw);
      sum.high += z.y * vec4(c.zw, d.zw);
      continuing {
        i++;
        break if 2u * i >= run.rank + run.odd;
      }
    }
    before += run.rank;
  }
  return sum;
}

// A thread that finishes four neighbouring tiles works their deltas out ahead of them, once and outside of any branch: SwiftShader goes
// through both sides of every branch, loops and loads included.
var<private> near: array<vec4<f32>, 4>;

// Of sixteen rows: eight and eight.
fn keep_near(token: u32, part_of_first: u32, first: u32, part_of_second: u32, second: u32) {
  let a = delta_of_eight(token, part_of_first, first);
  let b = delta_of_eight(token, part_of_second, second);
  near = array(a.low, a.high, b.low, b.high);
}

// Two of the first eight and two of the second, for the tile that is the at-th of four.
fn near_pairs(at: u32) -> vec4<f32> {
  let first = near[at / 2u];
  let second = near[2u + at / 2u];
  return select(vec4(first.zw, second.zw), vec4(first.xy, second.xy), at % 2u == 0u);
}
