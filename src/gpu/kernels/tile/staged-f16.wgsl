// Prelude of tile/staged.wgsl: weights and x lie in workgroup memory as halves, two a word, in half the bytes. Products and sums are
// f32, a product of two halves being exact there, so what is lost is one rounding of each number. Needs no `shader-f16`: with it the
// same conversions remain, and only sums in f16, which overflow on some models, would save any.
// x is scaled by its norm's factor before it is rounded: h ⊙ gain itself may be larger than any half, or too small for one.
// What is no norm and larger than a half saturates; what WGSL makes of such a number otherwise is not said.
alias Staged = vec2<u32>;
const FACTORS = 4u;

fn staged(x: vec4<f32>) -> Staged {
  let y = clamp(x, vec4(-65504.0), vec4(65504.0));
  return vec2(pack2x16float(y.xy), pack2x16float(y.zw));
}

fn unstaged(x: Staged) -> vec4<f32> {
  return vec4(unpack2x16float(x.x), unpack2x16float(x.y));
}

// Factors and sums of squares, which no half holds.
fn whole(x: f32) -> Staged {
  return vec2(bitcast<u32>(x), 0u);
}

fn unwhole(x: Staged) -> f32 {
  return bitcast<f32>(x.x);
}
