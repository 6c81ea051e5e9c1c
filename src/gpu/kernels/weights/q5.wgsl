// Prelude: weights of five bits, w = scale · q + shift: Q5_K, Q5_1, and Q5_0 with shift = −16 · scale.
// Tile block: 4 rows × 32 columns in 7 vec4<u32>, one component a row. [0]: scale, [1]: shift, as f32 bits. [2]: the fifth bit of
// column c at bit c. [3 + j], j < 4: a word whose byte i holds the nibbles of columns 4j + i (low) and 16 + 4j + i (high).
// 112 bytes for 128 weights. Written by model/pack.ts.
const BLOCK_WORDS = 7u;
const SHIFTED = true;

fn terms(at: u32) -> Terms {
  return Terms(bitcast<vec4<f32>>(W[at]), bitcast<vec4<f32>>(W[at + 1u]));
}

fn spread_low(x: vec4<f32>) -> vec4<f32> {
  return x;
}

fn spread_high(x: vec4<f32>) -> vec4<f32> {
  return x;
}

fn five(nibbles: vec4<u32>, bits: vec4<u32>) -> vec4<f32> {
  return vec4<f32>((nibbles & vec4(15u)) | ((bits & vec4(1u)) << vec4(4u)));
}

fn quads(at: u32, j: u32) -> Quads {
  let n = W[at + 3u + j];
  let low = W[at + 2u] >> vec4(4u * j);
  let high = low >> vec4(16u);
  return Quads(
    mat4x4<f32>(
      five(n, low),
      five(n >> vec4(8u), low >> vec4(1u)),
      five(n >> vec4(16u), low >> vec4(2u)),
      five(n >> vec4(24u), low >> vec4(3u)),
    ),
    mat4x4<f32>(
      five(n >> vec4(4u), high),
      five(n >> vec4(12u), high >> vec4(1u)),
      five(n >> vec4(20u), high >> vec4(2u)),
      five(n >> vec4(28u), high >> vec4(3u)),
    ),
  );
}
