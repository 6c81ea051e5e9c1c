// Prelude of whoever reads A or B: how four of their numbers stand in the pools. Here as halves, two in a word, the first one low;
// computed in f32, without `shader-f16`. Exact: every half is an f32, also those below 2^-14, which the self-test looks at.
alias Four = vec2<u32>;

fn four(halves: Four) -> vec4<f32> {
  return vec4(unpack2x16float(halves.x), unpack2x16float(halves.y));
}
