// x[i] = h[i] / sqrt(mean(h²) + ε) ⊙ g, and zeros from WIDTH to the end of the padded row, which the projections read.
// Grid: one workgroup a row, of 64 threads, or of one thread where a barrier is dear (then none is left in it). GATHER: row i is picks[i] of h (before the head), else i itself.
// h: embed or project-residual. Sum of squares in f32, tree over the threads. Cost: 3 reads and 1 write of a row.
@group(0) @binding(0) var<storage, read> h: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> picks: array<u32>;
@group(0) @binding(3) var<storage, read_write> x: array<f32>;

override WIDTH: u32;
override H_STRIDE: u32;
override X_STRIDE: u32;
override EPSILON: f32;
override GATHER: bool = false;

override WORKGROUP: u32 = 64;

var<workgroup> partial: array<f32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let row = group.x;
  var source = row;
  if (GATHER) {
    source = picks[row];
  }
  var sum = 0.0;
  for (var i = local; i < WIDTH; i += WORKGROUP) {
    let a = h[source * H_STRIDE + i];
    sum += a * a;
  }
  partial[local] = sum;
  if (WORKGROUP > 1u) {
    for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
      workgroupBarrier();
      if (local < half) {
        partial[local] += partial[local + half];
      }
    }
    workgroupBarrier();
  }
  let factor = 1.0 / sqrt(partial[0] / f32(WIDTH) + EPSILON);
  for (var i = local; i < X_STRIDE; i += WORKGROUP) {
    if (i < WIDTH) {
      x[row * X_STRIDE + i] = h[source * H_STRIDE + i] * factor * gain[i];
    } else {
      x[row * X_STRIDE + i] = 0.0;
    }
  }
}
