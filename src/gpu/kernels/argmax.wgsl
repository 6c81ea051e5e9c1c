// token[p] = arg max of logits[p], the lowest id on a tie, so that greedy decoding reads 4 bytes back and not the vocabulary.
// tokens is what the next step's embed reads, so that a step may follow before the host knows the token.
// Grid: one workgroup a pick, of 256 threads, or of one where a barrier is dear. logits: project-logits, [picks][VOCAB]. NaN is never greater, so it is never chosen.
// Cost: one read of the logits.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> token: array<u32>;
@group(0) @binding(2) var<storage, read_write> tokens: array<u32>;

override VOCAB: u32;

override WORKGROUP: u32 = 256;

var<workgroup> best: array<f32, WORKGROUP>;
var<workgroup> owner: array<u32, WORKGROUP>;

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let base = group.x * VOCAB;
  var top = -3.4e38;
  var at = 0xffffffffu;
  for (var i = local; i < VOCAB; i += WORKGROUP) {
    let x = logits[base + i];
    if (x > top) {
      top = x;
      at = i;
    }
  }
  best[local] = top;
  owner[local] = at;
  if (WORKGROUP > 1u) {
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
  }
  if (local == 0u) {
    let id = select(owner[0], 0u, owner[0] == 0xffffffffu);
    token[group.x] = id;
    tokens[group.x] = id;
  }
}
