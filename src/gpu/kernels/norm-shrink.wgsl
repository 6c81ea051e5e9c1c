// rms-norm.wgsl and lora-shrink.wgsl in one dispatch, for the projections whose input is a norm (q k v, gate up):
// x = h / sqrt(mean(h²) + ε) ⊙ g, zeros to the padded end; then z[part][r] = scale · Σ_i A[r][i] · x[i] under the row's adapter.
// So an adapter on all seven modules costs two dispatches a layer (before o and down), not four. Without one in the batch this
// kernel is not used. Grid: one workgroup a row. The workgroup writes x, then reads it whole behind a barrier.
// h: embed or project-residual. table, A, z: as in lora-shrink.wgsl.
// Cost: 3 reads and 1 write of a row, 2 · rank · width FLOP a module.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

struct Site {
  layer: u32,
  first_module: u32,
  parts: u32,
  width: u32,
  stride: u32,
}

struct Entry {
  a: u32,
  b: u32,
  rank: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> h: array<f32>;
@group(0) @binding(1) var<storage, read> gain: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<Row>;
@group(0) @binding(3) var<storage, read> table: array<Entry>;
@group(0) @binding(4) var<storage, read> A: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read_write> x: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read_write> z: array<u32>;
@group(0) @binding(7) var<uniform> site: Site;

override WIDTH: u32;
override H_STRIDE: u32;
override EPSILON: f32;
override LAYERS: u32;
override Z_RECORD: u32;
override MAX_RANK: u32;
override WORKGROUP: u32 = 64;

var<workgroup> partial: array<f32, WORKGROUP>;

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

  for (var i = local; i < site.parts * MAX_RANK; i += WORKGROUP) {
    let part = i / MAX_RANK;
    let r = i % MAX_RANK;
    let entry = table[(rows[row].slot * LAYERS + site.layer) * 7u + site.first_module + part];
    let record = (row * site.parts + part) * Z_RECORD;
    if (r == 0u) {
      z[record] = entry.b;
      z[record + 1u] = entry.rank;
    }
    if (r < entry.rank) {
      var sum = vec4<f32>();
      let a = entry.a + r * site.width;
      for (var k = 0u; k < site.width; k++) {
        sum += A[a + k] * x[row * site.stride + k];
      }
      z[record + 2u + r] = bitcast<u32>(entry.scale * dot(sum, vec4(1.0)));
    }
  }
}
