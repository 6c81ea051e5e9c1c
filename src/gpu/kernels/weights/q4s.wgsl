// Prelude: weights of four bits whose scale and shift need f32: Q4_K, w = scale · q + shift (both products of f16 and six bits).
// Tile block: 4 rows × 32 columns in 6 vec4<u32>, one component a row. [0]: scale, [1]: shift, as f32 bits. [2 + j], j < 4: nibbles
// as in q4.wgsl, masked where they stand for the reason given there. 96 bytes for 128 weights. Written by model/pack.ts.
const BLOCK_WORDS = 6u;
const SHIFTED = true;

fn terms(at: u32) -> Terms {
  return Terms(bitcast<vec4<f32>>(W[at]), bitcast<vec4<f32>>(W[at + 1u]));
}

fn spread_low(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(1.0, 0x1p-8, 0x1p-16, 0x1p-24);
}

fn spread_high(x: vec4<f32>) -> vec4<f32> {
  return x * vec4(0x1p-4, 0x1p-12, 0x1p-20, 0x1p-28);
}

fn quads(at: u32, j: u32) -> Quads {
  let u = W[at + 2u + j];
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
