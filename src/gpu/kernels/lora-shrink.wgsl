// Before o and down; before q k v and gate up, norm-shrink.wgsl does the same.
// z[t][part][r] = scale · Σ_i A[r][i] · x[t][i], under the adapter of row t (BGMV: each row looks up its own).
// Grid: x (part, r) / 16, y rows; one dot product a thread. `parts` modules share one input: q k v, or gate up, or one alone.
// table: [slot][layer][7] of (where A begins in vec4, where B begins in f32, rank, scale as f32 bits). Slot 0 is all zero.
// A: [rank][width / 4] vec4, padded to whole vec4. x: what the projection after it reads.
// z: [rows][parts][Z_RECORD]: where B begins, rank, then z as f32 bits; tile/lora-expand.wgsl reads it.
// Cost: 2 · rank · width FLOP a module and row.
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
  // Of the input, in vec4: its true width, and its stride.
  width: u32,
  stride: u32,
}

struct Entry {
  a: u32,
  b: u32,
  rank: u32,
  scale: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> rows: array<Row>;
@group(0) @binding(2) var<storage, read> table: array<Entry>;
@group(0) @binding(3) var<storage, read> A: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read_write> z: array<u32>;
@group(0) @binding(5) var<uniform> site: Site;

override LAYERS: u32;
override Z_RECORD: u32;
// The largest rank among loaded adapters is at most this.
override MAX_RANK: u32;

@compute @workgroup_size(16)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let part = id.x / MAX_RANK;
  let r = id.x % MAX_RANK;
  let t = id.y;
  if (part >= site.parts) {
    return;
  }
  let entry = table[(rows[t].slot * LAYERS + site.layer) * 7u + site.first_module + part];
  let record = (t * site.parts + part) * Z_RECORD;
  if (r == 0u) {
    z[record] = entry.b;
    z[record + 1u] = entry.rank;
  }
  if (r >= entry.rank) {
    return;
  }
  var sum = vec4<f32>();
  let a = entry.a + r * site.width;
  for (var i = 0u; i < site.width; i++) {
    sum += A[a + i] * x[t * site.stride + i];
  }
  z[record + 2u + r] = bitcast<u32>(entry.scale * dot(sum, vec4(1.0)));
}
