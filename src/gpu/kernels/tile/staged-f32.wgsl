// Prelude of tile/staged.wgsl: numbers lie in workgroup memory as they are.
alias Staged = vec4<f32>;
// Slots for each four tokens in which factors lie before the sums: none, since scaling a sum costs less.
const FACTORS = 0u;

fn staged(x: vec4<f32>) -> Staged {
  return x;
}

fn unstaged(x: Staged) -> vec4<f32> {
  return x;
}

fn whole(x: f32) -> Staged {
  return vec4(x);
}

fn unwhole(x: Staged) -> f32 {
  return x.x;
}
