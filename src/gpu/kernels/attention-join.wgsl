// o = Σ_s e^(m_s − m) y_s / Σ_s e^(m_s − m) l_s over the splits of a row and head, m the largest of their maxima: what the splits of
// attention.wgsl leave, put together. A split without keys has l = 0 and a maximum of −3.4e38, so it adds nothing.
// Grid: rows · HEADS · HEAD_VEC / 64, one vec4 of a head a thread. parts: [row][head][split][y: HEAD_VEC, (m, l)] vec4.
// o: [rows][O_STRIDE] vec4. Cost: SPLITS + 1 reads and a write of a vec4.
struct Batch {
  rows: u32,
  picks: u32,
}

@group(0) @binding(0) var<storage, read> parts: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read_write> o: array<vec4<f32>>;
@group(0) @binding(2) var<uniform> batch: Batch;

override HEADS: u32;
override HEAD_VEC: u32;
override O_STRIDE: u32;
override SPLITS: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let part = id.x % HEAD_VEC;
  let head = id.x / HEAD_VEC % HEADS;
  let t = id.x / HEAD_VEC / HEADS;
  if (t >= batch.rows) {
    return;
  }
  let base = (t * HEADS + head) * SPLITS * (HEAD_VEC + 1u);
  var top = -3.4e38;
  for (var s = 0u; s < SPLITS; s++) {
    top = max(top, parts[base + s * (HEAD_VEC + 1u) + HEAD_VEC].x);
  }
  var y = vec4<f32>();
  var sum = 0.0;
  for (var s = 0u; s < SPLITS; s++) {
    let at = base + s * (HEAD_VEC + 1u);
    let state = parts[at + HEAD_VEC];
    let kept = exp(state.x - top);
    y += kept * parts[at + part];
    sum += kept * state.y;
  }
  o[t * O_STRIDE + head * HEAD_VEC + part] = y / sum;
}
