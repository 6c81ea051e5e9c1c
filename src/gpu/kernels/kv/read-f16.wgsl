// Prelude of who reads keys and values: f16 in pairs, as kv/write-f16.wgsl packs them. No `shader-f16`: the sums stay f32.
@group(0) @binding(1) var<storage, read> kv: array<vec2<u32>>;

// Four numbers; `at` counts groups of four.
fn kv_at(at: u32) -> vec4<f32> {
  let pair = kv[at];
  return vec4(unpack2x16float(pair.x), unpack2x16float(pair.y));
}
