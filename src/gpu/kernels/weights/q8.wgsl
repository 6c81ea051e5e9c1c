// Prelude: weights of eight bits, Q8_0: w = d·q, q signed.
// Tile block: 4 rows × 32 columns in 9 vec4<u32>, one component a row. [0]: d as f32 bits. [1 + j], j < 8: a word whose byte i
// holds column 4j + i. 144 bytes for 128 weights. Written by model/pack.ts.
const BLOCK_WORDS = 9u;
const SHIFTED = false;

fn block_scale(at: u32) -> vec4<f32> {
  return bitcast<vec4<f32>>(W[at]);
}

fn block_shift(at: u32) -> vec4<f32> {
  return vec4<f32>();
}

fn spread(x: vec4<f32>) -> vec4<f32> {
  return x;
}

fn bytes(w: vec4<i32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    vec4<f32>((w << vec4(24u)) >> vec4(24u)),
    vec4<f32>((w << vec4(16u)) >> vec4(24u)),
    vec4<f32>((w << vec4(8u)) >> vec4(24u)),
    vec4<f32>(w >> vec4(24u)),
  );
}

fn quads(at: u32, j: u32) -> Quads {
  return Quads(bytes(bitcast<vec4<i32>>(W[at + 1u + j])), bytes(bitcast<vec4<i32>>(W[at + 5u + j])));
}
