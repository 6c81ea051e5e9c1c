// token[p] = arg max of logits[p], the lowest id on a tie, so that greedy decoding reads 4 bytes back and not the vocabulary.
// tokens is what the next step's embed reads, so that a step may follow before the host knows the token.
// Grid and reduction: row-reduce.wgsl. logits: project-logits, [picks][VOCAB].
// Cost: one read of the logits.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read_write> token: array<u32>;
@group(0) @binding(2) var<storage, read_write> tokens: array<u32>;

fn logit(id: u32) -> f32 {
  return logits[pick * VOCAB + id];
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  pick = group.x;
  local = index;
  let id = largest();
  if (local == 0u) {
    token[pick] = id;
    tokens[pick] = id;
  }
}
