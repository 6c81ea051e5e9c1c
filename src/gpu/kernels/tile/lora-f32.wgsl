// Prelude of whoever reads A or B: how four of their numbers stand in the pools. Here as f32, where not every adapter holds halves.
alias Four = vec4<f32>;

fn four(floats: Four) -> vec4<f32> {
  return floats;
}
