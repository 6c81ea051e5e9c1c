// Between o and gate up, or down and the next q k v, where an adapter changed the former: three steps that each need the whole row.
// 1. h += B · z, the delta of o or down, whose z their own matvec made (tile/rows-shrink.wgsl).
// 2. next = h ⊙ gain and the sums of squares behind it, as project-residual.wgsl leaves them: the projections see no difference.
// 3. z = scale · A · norm(h) of the PARTS modules that come next, under the row's face.
// So adapters on all seven modules cost two dispatches a layer. Without one in the batch this kernel is not used.
// Grid: x SHARES workgroups that share a row's columns out, by vec4 of sums; y rows. None reads what another writes: a share of z
// lacks the norm's factor, which the projection has (lora-shrink-row.wgsl). A barrier before the sums and one before step 3.
// Threads take eight columns of step 1 at a time: 72 for 576, which two times four threads share evenly and wide workgroups nearly
// fill; the sums, of COLUMNS columns each, would not.
// h: embed, project-residual or project-adapted. A, table, Z: lora-shrink-row.wgsl, a prelude; the last record of Z is o's or down's.
// Cost: 2 reads and 2 writes of a row, 2 · rank · width FLOP a module.
@group(0) @binding(0) var<storage, read> gain: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rows: array<Row>;
@group(0) @binding(2) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(3) var<storage, read> A: array<Four>;
@group(0) @binding(4) var<storage, read> B: array<Four>;
@group(0) @binding(5) var<storage, read_write> h: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> next: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> Z: array<u32>;
@group(0) @binding(8) var<uniform> site: Site;

// Of next, in vec4: a row, where its sums of squares begin, and how many vec4 they are.
override NEXT_STRIDE: u32;
override SUMS_AT: u32;
override PARTIALS: u32;
override NORM_WIDTH: u32;
override EPSILON: f32;
override COLUMNS: u32;
override H_STRIDE: u32;
override PARTS: u32;
override WORKGROUP: u32 = 128;
// z of o and down is whole, and of no norm.
const Z_SHARES = 1u;
const left_of_norm = 1.0;

fn input(t: u32, k: u32) -> vec4<f32> {
  return next[t * NEXT_STRIDE + k];
}

fn row_scale(t: u32) -> f32 {
  if (SHARES > 1u) {
    return 1.0;
  }
  var squares = vec4<f32>();
  for (var i = 0u; i < PARTIALS; i++) {
    squares += next[t * NEXT_STRIDE + SUMS_AT + i];
  }
  return 1.0 / sqrt(dot(squares, vec4(1.0)) / f32(NORM_WIDTH) + EPSILON);
}

// Four columns of h with their delta, and what the next projection reads of them. Past the width both stay 0: B has no rows there.
fn join(row: u32, at: u32, delta: vec4<f32>) {
  if (4u * at >= NORM_WIDTH) {
    return;
  }
  let columns = vec4(4u * at) + vec4(0u, 1u, 2u, 3u);
  let before = h[row * H_STRIDE + at];
  let y = select(before, before + delta, columns < vec4(NORM_WIDTH));
  h[row * H_STRIDE + at] = y;
  next[row * NEXT_STRIDE + at] = y * gain[at];
}

fn squares_of(row: u32, entry: u32) -> f32 {
  var sum = 0.0;
  let end = min((entry + 1u) * COLUMNS / 4u, (NORM_WIDTH + 3u) / 4u);
  for (var at = entry * COLUMNS / 4u; at < end; at++) {
    let y = h[row * H_STRIDE + at];
    sum += dot(y, y);
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.y;
  let first = group.x * PARTIALS / SHARES;
  let end = (group.x + 1u) * PARTIALS / SHARES;
  for (var at = first * COLUMNS + 2u * local; at < end * COLUMNS && 4u * at < NORM_WIDTH; at += 2u * WORKGROUP) {
    let delta = delta_of_eight(row, Z_PARTS - 1u, 4u * at);
    join(row, at, delta.low);
    join(row, at + 1u, delta.high);
  }
  storageBarrier();
  for (var i = first + local; i < end; i += WORKGROUP) {
    let a = squares_of(row, 4u * i);
    let b = squares_of(row, 4u * i + 1u);
    let c = squares_of(row, 4u * i + 2u);
    let d = squares_of(row, 4u * i + 3u);
    next[row * NEXT_STRIDE + SUMS_AT + i] = vec4(a, b, c, d);
  }
  storageBarrier();
  if (PARTS > 0u) {
    shrink(row, 0u, PARTS, local, WORKGROUP, Columns(group.x, first * COLUMNS, min(end * COLUMNS, site.width)));
  }
}
