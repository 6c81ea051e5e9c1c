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

const NEIGHBOURS = 1u;
var<private> near: array<vec4<f32>, 4>;

fn keep_near(token: u32, part_of_first: u32, first: u32, part_of_second: u32, second: u32) {}

fn near_pairs(at: u32) -> vec4<f32> {
  return near[at];
}
