// Before q k v and gate up where no adapter has just added to the residual stream; else norm-shrink.wgsl does the same on its way,
// and o and down have it in their own matvec (tile/rows-shrink.wgsl).
// z[t][part][r] = scale · Σ_i A[r][i] · x[t][i], under the face of row t: see lora-shrink-row.wgsl, the prelude.
// Grid: x max(2, SHARES) · parts, y rows / ROWS. Two workgroups share a module's ranks, so that few rows reach two cores; or SHARES its
// columns, where norm-shrink.wgsl does so too.
// ROWS 1: each row looks up its own adapters (BGMV). ROWS 4, prefill: rows that lie together under one face read A once (SGMV);
// model/forward.ts sorts nothing, as the rows of a prefill are of one sequence. Four rows of several faces go one by one.
// x: what the projection after it reads, the residual stream times a gain with its sums of squares behind.
// Cost: 2 · rank · width FLOP a module and row.
@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rows: array<Row>;
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> A: array<Four>;
@group(0) @binding(4) var<storage, read_write> Z: array<u32>;
@group(0) @binding(5) var<uniform> site: Site;
@group(0) @binding(6) var<uniform> batch: vec4<u32>;

override ROWS: u32 = 1;
override PARTIALS: u32;
override SUMS_AT: u32;
override NORM_WIDTH: u32;
override EPSILON: f32;
const THREADS = 8u;

fn input(t: u32, k: u32) -> vec4<f32> {
  return x[t * site.stride + k];
}

fn row_scale(t: u32) -> f32 {
  if (SHARES > 1u) {
    return 1.0;
  }
  var squares = vec4<f32>();
  for (var i = 0u; i < PARTIALS; i++) {
    squares += x[t * site.stride + SUMS_AT + i];
  }
  return 1.0 / sqrt(dot(squares, vec4(1.0)) / f32(NORM_WIDTH) + EPSILON);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let groups = max(2u, SHARES);
  let part = group.x / groups;
  let unit = group.x % groups;
  let first = ROWS * group.y;
  let end = min(first + ROWS, batch.x);
  if (SHARES > 1u) {
    let columns = Columns(unit, unit * site.width / SHARES, (unit + 1u) * site.width / SHARES);
    for (var t = first; t < end; t++) {
      shrink(t, part, part + 1u, local, THREADS, columns);
    }
    return;
  }
  shrink_rows(first, end, part, unit * THREADS + local, groups * THREADS);
}
