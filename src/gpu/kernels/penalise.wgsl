// logits[p][id] = ((l + bias) · (l + bias > 0 ? 1/r : r)) − count · frequency − (count > 0 ? presence : 0), for the ids named.
// In place, after project-logits and before sample; the rule is reference/sampling.ts's. What stood there takes the bias's place in
// the edit, so that logprobs.wgsl can tell what the model itself said.
// Grid: x edits / 64, one thread an edit; an id stands once a pick, so no two write to one place.
// edits, settings: host. An edit is id, bias, count in the answer, and pick · 2 + (1 where prompt or answer hold the id).
// Cost: one read and two writes a named id.
@group(0) @binding(0) var<storage, read_write> edits: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read> settings: array<Row>;
@group(0) @binding(2) var<uniform> count: vec4<u32>;
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;

override VOCAB: u32;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) at: vec3<u32>) {
  if (at.x >= count.x) {
    return;
  }
  let edit = edits[at.x];
  let pick = edit.w >> 1u;
  let to = pick * VOCAB + edit.x;
  let unchanged = logits[to];
  edits[at.x].y = bitcast<u32>(unchanged);
  var x = unchanged + bitcast<f32>(edit.y);
  if ((edit.w & 1u) == 1u) {
    x *= select(settings[pick].repetition, settings[pick].repetition_inverse, x > 0.0);
  }
  if (edit.z > 0u) {
    x -= f32(edit.z) * settings[pick].frequency + settings[pick].presence;
  }
  logits[to] = x;
}
