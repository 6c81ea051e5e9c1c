// Prelude: weights of four bits. Q4_1 as it is, w = d·q + m; Q4_0 with m = −8d (exact in f16).
// Tile block: 4 rows × 32 columns in 5 vec4<u32>, one component a row. [0]: the f16 pair (d, m). [1 + j], j < 4: a word whose
// byte i holds column 4j + i (low nibble) and 16 + 4j + i (high nibble), ggml's own order. 80 bytes for 128 weights.
// Nibbles are masked, not shifted down: byte i comes out 2^(8i) too large and `spread` scales x by 2^(−8i) instead, exactly.
// That trades 3 shifts a weight for one multiplication a column: +15 to 25 % on SwiftShader (2026-11).
// Written by model/pack.ts.
const BLOCK_WORDS = 5u;
const SHIFTED = true;

fn block_scale(at: u32) -> vec4<f32> {
  let pair = W[at];
  return vec4(unpack2x16float(pair.x).x, unpack2x16float(pair.y).x, unpack2x16float(pair.z).x, unpack2x16float(pair.w).x);
}

fn block_shift(at: u32) -> vec4<f32> {
  let pair = W[at];
  return vec4(unpack2x16float(pair.x).y, unpack2x16float(pair.y).y, unpack2x16float(pair.z).y, unpack2x16float(pair.w).y);
}

fn spread(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
}

fn masked(w: vec4<i32>) -> mat4x4<f32> {
  return mat4x4<f32>(
    vec4<f32>(w & vec4(0xf)),
    vec4<f32>(w & vec4(0xf00)),
    vec4<f32>(w & vec4(0xf0000)),
    vec4<f32>(w & vec4(0xf000000)),
  );
}

// Signed words: the conversion of u32 to f32 takes five instructions where i32 takes one.
fn quads(at: u32, j: u32) -> Quads {
  let w = bitcast<vec4<i32>>(W[at + 1u + j]);
  return Quads(masked(w), masked(w >> vec4(4u)));
}
