// Prelude of who reads keys and values: f32. kv: [place][k: KV_HEADS · d, v: KV_HEADS · d].
@group(0) @binding(1) var<storage, read> kv: array<vec4<f32>>;

// Four numbers; `at` counts vec4.
fn kv_at(at: u32) -> vec4<f32> {
  return kv[at];
}
