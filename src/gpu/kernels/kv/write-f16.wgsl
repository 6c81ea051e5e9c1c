// Prelude of who writes keys and values: f16, two in a word, half the bytes. `at` counts numbers and is even. No `shader-f16`.
alias KvWord = u32;

fn put_pair(at: u32, pair: vec2<f32>) {
  kv[at / 2u] = pack2x16float(pair);
}

fn pair_at(at: u32) -> vec2<f32> {
  return unpack2x16float(kv[at / 2u]);
}
