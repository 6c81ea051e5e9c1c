// Prelude of who writes keys and values: f32. `at` counts numbers and is even.
alias KvWord = f32;

fn put_pair(at: u32, pair: vec2<f32>) {
  kv[at] = pair.x;
  kv[at + 1u] = pair.y;
}

fn pair_at(at: u32) -> vec2<f32> {
  return vec2(kv[at], kv[at + 1u]);
}
