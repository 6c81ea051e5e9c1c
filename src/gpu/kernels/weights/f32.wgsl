// Prelude: weights as f32.
// Tile block: 4 rows × 32 columns in 32 vec4, one component a row, one vec4 a column. Written by model/pack.ts.
const BLOCK_WORDS = 32u;
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

fn columns(k: u32) -> mat4x4<f32> {
  return mat4x4<f32>(bitcast<vec4<f32>>(W[k]), bitcast<vec4<f32>>(W[k + 1u]), bitcast<vec4<f32>>(W[k + 2u]), bitcast<vec4<f32>>(W[k + 3u]));
}

fn quads(at: u32, j: u32) -> Quads {
  return Quads(columns(at + 4u * j), columns(at + 16u + 4u * j));
}
