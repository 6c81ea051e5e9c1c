// Prelude: one row of the vocabulary, shared out over the threads of a workgroup: its largest value, and sums over it.
// A workgroup a pick, of 256 threads, or of 16 where a barrier is dear: on SwiftShader, whose threads are
// lanes of four, arg max of 49,152 took 1.2 ms with 4, 16, 64 or 256 and 2.4 with one, and behind it logprobs 1.1 ms with 4 to 64
// and 2.8 with 256 (medians of 20, two cores, one run, interleaved, 2026-11). The kernel sets `pick` and `local`, and says by
// `logit(id)` what its row holds. To be called by all threads together. f32 sums, in a tree.
override VOCAB: u32;
override WORKGROUP: u32 = 256;

const LOWEST = -3.4e38;

var<workgroup> best: array<f32, WORKGROUP>;
var<workgroup> owner: array<u32, WORKGROUP>;
var<workgroup> sums: array<vec4<f32>, WORKGROUP>;
var<private> pick: u32;
var<private> local: u32;
var<private> top: f32;

// The id of the largest value, the lowest on a tie; sets `top`. NaN is never greater, so it is never found; 0 where all are.
fn largest() -> u32 {
  var most = LOWEST;
  var at = 0xffffffffu;
  for (var id = local; id < VOCAB; id += WORKGROUP) {
    let x = logit(id);
    if (x > most) {
      most = x;
      at = id;
    }
  }
  best[local] = most;
  owner[local] = at;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      let other = best[local + half];
      let id = owner[local + half];
      if (other > best[local] || (other == best[local] && id < owner[local])) {
        best[local] = other;
        owner[local] = id;
      }
    }
  }
  workgroupBarrier();
  top = best[0];
  let id = owner[0];
  workgroupBarrier();
  return select(id, 0u, id == 0xffffffffu);
}

fn total(part: vec4<f32>) -> vec4<f32> {
  sums[local] = part;
  for (var half = WORKGROUP / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      sums[local] += sums[local + half];
    }
  }
  workgroupBarrier();
  let whole = sums[0];
  workgroupBarrier();
  return whole;
}
