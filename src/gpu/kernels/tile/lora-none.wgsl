// Prelude: no adapter in the batch. The projection's sums pass unchanged, bit for bit.
fn with_delta(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  return y;
}

fn with_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  return y;
}

fn gained(y: vec4<f32>, token: u32, part: u32, rows: vec4<u32>) -> vec4<f32> {
  return y;
}

fn gained_pair(y: vec2<f32>, token: u32, part: u32, row: u32) -> vec2<f32> {
  return y;
}
