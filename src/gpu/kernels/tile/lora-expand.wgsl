// Prelude: y[row] += Σ_r B[row][r] · z[r], where z = scale · A·x of the token's own adapter, written by lora-shrink.wgsl one
// dispatch before. A record of z says whose it is: [0] where B begins in the pool, [1] its rank, [2 + r] z as f32 bits.
// Rank 0 (slot 0, or a module the adapter leaves alone) adds nothing. B is [out][rank], r fastest: a thread reads runs.
// Never merged into W: a quantised base would round the delta away.
@group(1) @binding(0) var<storage, read> Z: array<u32>;
@group(1) @binding(1) var<storage, read> B: array<f32>;

override Z_RECORD: u32;
override Z_PARTS: u32;

fn with_delta(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  let record = (token * Z_PARTS + part) * Z_RECORD;
  let base = Z[record];
  let rank = Z[record + 1u];
  var sum = y;
  let at = vec4(base) + rows * rank;
  for (var r = 0u; r < rank; r++) {
    let z = bitcast<f32>(Z[record + 2u + r]);
    sum += z * vec4(B[at.x + r], B[at.y + r], B[at.z + r], B[at.w + r]);
  }
  return sum;
}
