// Before o and down; before q k v and gate up, norm-shrink.wgsl does the same.
// z[t][part][r] = scale · Σ_i A[r][i] · x[t][i], under the face of row t: see lora-shrink-row.wgsl, the prelude.
// Grid: x 2 · parts (two workgroups share a module's ranks, so that a single row reaches two cores), y rows / ROWS.
// ROWS 1: each row looks up its own adapters (BGMV). ROWS 4, prefill: rows that lie together under one face read A once (SGMV);
// model/forward.ts sorts nothing, as the rows of a prefill are of one sequence. Four rows of several faces go one by one.
// x: what the projection after it reads; its padding is zero. Cost: 2 · rank · width FLOP a module and row.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rows: array<Row>;
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> A: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> z: array<u32>;
@group(0) @binding(5) var<uniform> site: Site;
@group(0) @binding(6) var<uniform> batch: vec4<u32>;

override ROWS: u32 = 1;
const THREADS = 8u;

fn input(t: u32, k: u32) -> vec4<f32> {
  return x[t * site.stride + k];
}

fn shrink_four(t: u32, part: u32, lane: u32, lanes: u32) {
  let head = head_of(t, part);
  let size = site.parts * Z_RECORD;
  let record = t * size + part * Z_RECORD;
  if (lane == 0u) {
    for (var i = 0u; i < 4u; i++) {
      z[record + i * size] = head.y;
      z[record + i * size + 1u] = head.z;
    }
  }
  var to = record + 2u + 2u * head.y;
  var shared_out = 0u;
  for (var s = 0u; s < head.y; s++) {
    let segment = table[head.x + s];
    if (lane == 0u) {
      for (var i = 0u; i < 4u; i++) {
        z[record + i * size + 2u + 2u * s] = segment.y;
        z[record + i * size + 3u + 2u * s] = segment.z;
      }
    }
    for (var r = (lane + lanes - shared_out % lanes) % lanes; r < segment.z; r += lanes) {
      var sum0 = vec4<f32>();
      var sum1 = vec4<f32>();
      var sum2 = vec4<f32>();
      var sum3 = vec4<f32>();
      let a = segment.x + r * site.width;
      for (var k = 0u; k < site.width; k++) {
        let weight = A[a + k];
        sum0 += weight * input(t, k);
        sum1 += weight * input(t + 1u, k);
        sum2 += weight * input(t + 2u, k);
        sum3 += weight * input(t + 3u, k);
      }
      let scale = bitcast<f32>(segment.w);
      z[to + r] = bitcast<u32>(scale * dot(sum0, vec4(1.0)));
      z[to + size + r] = bitcast<u32>(scale * dot(sum1, vec4(1.0)));
      z[to + 2u * size + r] = bitcast<u32>(scale * dot(sum2, vec4(1.0)));
      z[to + 3u * size + r] = bitcast<u32>(scale * dot(sum3, vec4(1.0)));
    }
    to += segment.z;
    shared_out += segment.z;
  }
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let part = group.x / 2u;
  let lane = (group.x % 2u) * THREADS + local;
  let first = ROWS * group.y;
  let end = min(first + ROWS, batch.x);
  if (ROWS == 4u && first + 4u == end) {
    let slot = rows[first].slot;
    if (rows[first + 1u].slot == slot && rows[first + 2u].slot == slot && rows[first + 3u].slot == slot) {
      shrink_four(first, part, lane, 2u * THREADS);
      return;
    }
  }
  for (var t = first; t < end; t++) {
    _ = shrink(t, part, lane, 2u * THREADS, 0u);
  }
}
