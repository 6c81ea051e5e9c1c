// Prelude: weights kept as bfloat16, the upper half of an f32.
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

fn upper(a: vec4<u32>, b: vec4<u32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    bitcast<vec4<f32>>(a << vec4(16u)),
    bitcast<vec4<f32>>(a & vec4(0xffff0000u)),
    bitcast<vec4<f32>>(b << vec4(16u)),
    bitcast<vec4<f32>>(b & vec4(0xffff0000u)),
  );
}

fn quads(at: u32, j: u32) -> Quads {
  let k = at + 2u * j;
  return Quads(upper(W[k], W[k + 1u]), upper(W[k + 8u], W[k + 9u]));
}
