// rms-norm.wgsl and lora-shrink.wgsl in one dispatch, for the projections whose input is a norm (q k v, gate up):
// x = h / sqrt(mean(h²) + ε) ⊙ g, zeros to the padded end; then z[part][r] = scale · Σ_i A[r][i] · x[i] under the row's
// face.
// So an adapter on all seven modules costs two dispatches a layer (before o and down), not four. Without one in the batch this
// kernel is not used. Grid: one workgroup a row. The workgroup writes x, then reads it whole behind a barrier.
// h: embed or project-residual. table, A, z: as in lora-shrink-row.wgsl, the prelude.
// Cost: 3 reads and 1 write of a row, 2 · rank · width FLOP a module.
@group(0) @binding(0) var<storage, read> h: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<Row>;
@group(0) @binding(3) var<storage, read> table: array<vec4<u32>>;
@group(0) @binding(4) var<storage, read> A: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<u32>;
@group(0) @binding(7) var<uniform> site: Site;

override WIDTH: u32;
override H_STRIDE: u32;
override EPSILON: f32;
override WORKGROUP: u32 = 64;

var<workgroup> partial: array<f32, WORKGROUP>;

fn input(t: u32, k: u32) -> vec4<f32> {
  return x[t * site.stride + k];
}

fn normed(row: u32, column: u32, factor: f32) -> f32 {
  if (column >= WIDTH) {
    return 0.0;
  }
  return h[row * H_STRIDE + column] * factor * gain[column];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
  var squares = 0.0;
  for (var i = local; i < WIDTH; i += WORKGROUP) {
    let a = h[row * H_STRIDE + i];
    squares += a * a;
  }
  partial[local] = squares;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      partial[local] += partial[local + half];
    }
  }
  workgroupBarrier();
  let factor = 1.0 / sqrt(partial[0] / f32(WIDTH) + EPSILON);
  for (var i = local; i < site.stride; i += WORKGROUP) {
    let c = 4u * i;
    x[row * site.stride + i] = vec4(normed(row, c, factor), normed(row, c + 1u, factor), normed(row, c + 2u, factor), normed(row, c + 3u, factor));
  }
  storageBarrier();

  var done = 0u;
  for (var part = 0u; part < site.parts; part++) {
    done = shrink(row, part, local, WORKGROUP, done);
  }
}
