// Prelude: weights of four bits. Q4_1 as it is, w = d·q + m; Q4_0 with m = −8d (exact in f16).
// Tile block: 4 rows × 32 columns in 5 vec4<u32>, one component a row. [0]: the f16 pair (d, m). [1 + j], j < 4: a word whose
// byte i holds column 4j + i (low nibble) and 16 + 4j + i (high nibble), ggml's own order. 80 bytes for 128 weights.
// Nibbles are masked where they stand: one at bit b comes out 2^b too large, and x is scaled by 2^−b instead, exactly. A shift
// by a vector is four scalar shifts on SwiftShader: masking doubles its speed. Signed words, since f32 from u32 takes five
// instructions there and from i32 one; only the topmost nibble needs u32.
// Written by model/pack.ts.
const BLOCK_WORDS = 5u;
const SHIFTED = true;

fn terms(at: u32) -> Terms {
  let pair = W[at];
  let a = unpack2x16float(pair.x);
  let b = unpack2x16float(pair.y);
  let c = unpack2x16float(pair.z);
  let d = unpack2x16float(pair.w);
  return Terms(vec4(a.x, b.x, c.x, d.x), vec4(a.y, b.y, c.y, d.y));
}

fn spread_low(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
}

fn spread_high(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(0x1p-4, 0x1p-12, 0x1p-20, 0x1p-28);
}

fn quads(at: u32, j: u32) -> Quads {
  let u = W[at + 1u + j];
  let w = bitcast<vec4<i32>>(u);
  return Quads(
    mat4x4<f32>(
      vec4<f32>(w & vec4(0xf)),
      vec4<f32>(w & vec4(0xf00)),
      vec4<f32>(w & vec4(0xf0000)),
      vec4<f32>(w & vec4(0xf000000)),
    ),
    mat4x4<f32>(
      vec4<f32>(w & vec4(0xf0)),
      vec4<f32>(w & vec4(0xf000)),
      vec4<f32>(w & vec4(0xf00000)),
      vec4<f32>(u & vec4(0xf0000000u)),
    ),
  );
}
