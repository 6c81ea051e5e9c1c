// Prelude: A of the token's own adapters beside the tiles of the projection that reads the same x (o, down), so that their shrink
// costs no dispatch; norm-shrink.wgsl expands one dispatch later. UNITS threads (lanes: workgroups) behind the last tile share the
// ranks out, as lora-shrink-row.wgsl says, which this follows.
@group(1) @binding(0) var<storage, read> rows: array<Row>;
@group(1) @binding(1) var<storage, read> table: array<vec4<u32>>;
@group(1) @binding(2) var<storage, read> A: array<Four>;
@group(1) @binding(3) var<storage, read_write> Z: array<u32>;
@group(1) @binding(4) var<uniform> site: Site;
@group(1) @binding(5) var<storage, read> B: array<Four>;

override UNITS: u32;
override GAINED: bool = false;

// W·x of rows 4 · tile … 4 · tile + 3 under the token's DoRA gains: lora-expand.wgsl.
fn gained_tile(y: vec4<f32>, token: u32, tile: u32) -> vec4<f32> {
  if (!GAINED) {
    return y;
  }
  let gains = head_of(token, 0u).z;
  if (gains == 0u) {
    return y;
  }
  // Gains begin with a four of their own.
  return y + y * four(B[(gains - 1u) / 2u + tile]);
}

fn input(t: u32, k: u32) -> vec4<f32> {
  return X[t * X_STRIDE + k];
}

fn row_scale(t: u32) -> f32 {
  return 1.0;
}

fn extra_rows(index: u32, first: u32, end: u32) {
  if (index < UNITS) {
    shrink_rows(first, end, 0u, index, UNITS);
  }
}

fn extra_row_together(index: u32, token: u32, local: u32) {
  shrink(token, 0u, 1u, index * 64u + local, UNITS * 64u, all_columns());
}
