// Prelude: weights of six bits, Q6_K: w = scale · (q − 32), a scale for each 16 columns.
// Tile block: 4 rows × 32 columns in 8 vec4<u32>, one component a row. [0]: scale of columns 0 to 15, [1]: of 16 to 31, as f32 bits.
// [2], [3]: the upper two bits of columns 0 to 15 and 16 to 31, column c at bit 2 · (c mod 16). [4 + j], j < 4: a word whose byte i
// holds the lower nibbles of columns 4j + i (low) and 16 + 4j + i (high). 128 bytes for 128 weights. Written by model/pack.ts.
// The two scales are multiplied in here: a tile knows one scale a block.
const BLOCK_WORDS = 8u;
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

fn six(scale: vec4<f32>, nibbles: vec4<u32>, bits: vec4<u32>) -> vec4<f32> {
  return scale * (vec4<f32>((nibbles & vec4(15u)) | ((bits & vec4(3u)) << vec4(4u))) - vec4(32.0));
}

fn quads(at: u32, j: u32) -> Quads {
  let a = bitcast<vec4<f32>>(W[at]);
  let b = bitcast<vec4<f32>>(W[at + 1u]);
  let low = W[at + 2u] >> vec4(8u * j);
  let high = W[at + 3u] >> vec4(8u * j);
  let n = W[at + 4u + j];
  return Quads(
    mat4x4<f32>(
      six(a, n, low),
      six(a, n >> vec4(8u), low >> vec4(2u)),
      six(a, n >> vec4(16u), low >> vec4(4u)),
      six(a, n >> vec4(24u), low >> vec4(6u)),
    ),
    mat4x4<f32>(
      six(b, n >> vec4(4u), high),
      six(b, n >> vec4(12u), high >> vec4(2u)),
      six(b, n >> vec4(20u), high >> vec4(4u)),
      six(b, n >> vec4(28u), high >> vec4(6u)),
    ),
  );
}
