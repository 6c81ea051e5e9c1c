// Prelude: weights kept as f16, computed in f32 (no `shader-f16` needed).
// Tile block: 4 rows × 32 columns in 16 vec4<u32>, one component a row: word k holds columns 2k (low half) and 2k + 1.
// Written by model/pack.ts.
const BLOCK_WORDS = 16u;
const SHIFTED = false;

fn terms(at: u32) -> Terms {
  return Terms(vec4(1.0), vec4<f32>());
}

fn spread_low(x: vec4<f32>) -> vec4<f32> {
  return x;
}

fn spread_high(x: vec4<f32>) -> vec4<f32> {
  return x;
}

fn halves(a: vec4<u32>, b: vec4<u32>) -> mat4x4<f32> {
  return transpose(mat4x4<f32>(
    vec4(unpack2x16float(a.x), unpack2x16float(b.x)),
    vec4(unpack2x16float(a.y), unpack2x16float(b.y)),
    vec4(unpack2x16float(a.z), unpack2x16float(b.z)),
    vec4(unpack2x16float(a.w), unpack2x16float(b.w)),
  ));
}

fn quads(at: u32, j: u32) -> Quads {
  let k = at + 2u * j;
  return Quads(halves(W[k], W[k + 1u]), halves(W[k + 8u], W[k + 9u]));
}
