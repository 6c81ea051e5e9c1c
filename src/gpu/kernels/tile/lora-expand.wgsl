// Prelude: y[row] += Σ_r B[row][r] · z[r], where z = scale · A·x of the token's own adapters, written one dispatch before by
// what shrinks. A record of z says whose it is, segment by segment: lora-shrink-row.wgsl has its layout.
// No segment (slot 0, or a module the adapter leaves alone) adds nothing. B is [out / 2][rank] of two rows, r fastest: a thread
// reads runs, and a tile's rows always come in neighbouring pairs whose first is even. Ranks are added one by one, in order,
// so a face without some segments gives, bit for bit, what one built without them gives.
// Never merged into W: a quantised base would round the delta away.
// DoRA multiplies what W gives, row by row, by 1 + what stands in B behind the delta. Only where some adapter is DoRA.
override GAINED: bool = false;

// W·x under the token's gains, which has no bias yet; rows as in with_delta.
fn gained(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  if (!GAINED) {
    return y;
  }
  let gains = Z[(token * Z_PARTS + part) * Z_RECORD + 1u];
  if (gains == 0u) {
    return y;
  }
  return y + y * vec4(B[gains - 1u + rows.x / 2u], B[gains - 1u + rows.z / 2u]);
}

fn gained_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  if (!GAINED) {
    return y;
  }
  let gains = Z[(token * Z_PARTS + part) * Z_RECORD + 1u];
  if (gains == 0u) {
    return y;
  }
  return y + y * B[gains - 1u + row / 2u];
}

// rows: r, r + 1, s, s + 1 with r and s even.
fn with_delta(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  let record = (token * Z_PARTS + part) * Z_RECORD;
  let segments = Z[record];
  var at = record + 2u + 2u * segments;
  var sum = y;
  for (var s = 0u; s < segments; s++) {
    let b = Z[record + 2u + 2u * s];
    let rank = Z[record + 3u + 2u * s];
    let first = b + rows.x / 2u * rank;
    let second = b + rows.z / 2u * rank;
    for (var r = 0u; r < rank; r++) {
      sum += bitcast<f32>(Z[at + r]) * vec4(B[first + r], B[second + r]);
    }
    at += rank;
  }
  return sum;
}

// Rows r and r + 1, r even.
fn with_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  let record = (token * Z_PARTS + part) * Z_RECORD;
  let segments = Z[record];
  var at = record + 2u + 2u * segments;
  var sum = y;
  for (var s = 0u; s < segments; s++) {
    let b = Z[record + 2u + 2u * s];
    let rank = Z[record + 3u + 2u * s];
    let first = b + row / 2u * rank;
    for (var r = 0u; r < rank; r++) {
      sum += bitcast<f32>(Z[at + r]) * B[first + r];
    }
    at += rank;
  }
  return sum;
}
