// Prelude: weights of eight bits, Q8_0: w = d·q, q signed.
// Tile block: 4 rows × 32 columns in 9 vec4<u32>, one component a row. [0]: d as f32 bits. [1 + j], j < 8: a word whose byte i
// holds column 4j + i; bytes 0 to 2 hold q + 128, byte 3 holds q, so that each is masked where it stands and keeps its sign:
// (q + 128)·2^b − 128·2^b is exact in f32. x is scaled by 2^−b. Shifts by a vector are four scalar shifts on SwiftShader.
// 144 bytes for 128 weights. Written by model/pack.ts.
const BLOCK_WORDS = 9u;
const SHIFTED = false;

fn terms(at: u32) -> Terms {
  return Terms(bitcast<vec4<f32>>(W[at]), vec4<f32>());
}

fn spread_low(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
}

fn spread_high(x: vec4<f32>) -> vec4<f32> {
  return spread_low(x);
}

fn bytes(w: vec4<i32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    vec4<f32>(w & vec4(0xff)) - vec4(0x1p7),
    vec4<f32>(w & vec4(0xff00)) - vec4(0x1p15),
    vec4<f32>(w & vec4(0xff0000)) - vec4(0x1p23),
    vec4<f32>(w & vec4(bitcast<i32>(0xff000000u))),
  );
}

fn quads(at: u32, j: u32) -> Quads {
  return Quads(bytes(bitcast<vec4<i32>>(W[at + 1u + j])), bytes(bitcast<vec4<i32>>(W[at + 5u + j])));
}
