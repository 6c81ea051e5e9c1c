// told[p] = log p of the chosen token, then the k likeliest ids, each followed by its own, so that a row that asks for log
// probabilities reads back 1 + 2k words and not the vocabulary. By the model itself: before bias, penalties, grammar and temperature.
//   log p(id) = l[id] − largest − ln Σ e^(l − largest)
// Behind argmax or sample in the same submit. What penalise changed is put back first: the edits hold what stood there.
// Grid and reduction: row-reduce.wgsl. logits: project-logits, changed by penalise, [picks][VOCAB]. edits: penalise. settings, count:
// host. chosen: argmax or sample. Rows that ask for nothing end at once.
// Cost: 2 reads of the logits, and one for each likeliest token after the first. f32; a thread sums 256 numbers, then such sums, so
// that a small weight is not lost beside a large sum: it stays within 2e-5 of f64.
@group(0) @binding(0) var<storage, read_write> logits: array<f32>;
@group(0) @binding(1) var<storage, read> settings: array<Row>;
@group(0) @binding(2) var<storage, read> edits: array<vec4<u32>>;
@group(0) @binding(3) var<uniform> count: vec4<u32>;
@group(0) @binding(4) var<storage, read> chosen: array<u32>;
@group(0) @binding(5) var<storage, read_write> told: array<u32>;

// Words of told a pick.
override WORDS: u32;

// The last one told: what is as likely with a lower id, or likelier, has been.
var<private> last_value: f32;
var<private> last_id: u32;

fn logit(id: u32) -> f32 {
  let x = logits[pick * VOCAB + id];
  return select(LOWEST, x, x < last_value || (x == last_value && id > last_id));
}

fn restore(changed: u32) {
  for (var i = local; i < changed; i += WORKGROUP) {
    let edit = edits[i];
    if (edit.w >> 1u == pick) {
      logits[pick * VOCAB + edit.x] = bitcast<f32>(edit.y);
    }
  }
}

// Of this thread's ids.
fn mass() -> f32 {
  var sum = 0.0;
  for (var begin = local; begin < VOCAB; begin += 256u * WORKGROUP) {
    let end = min(begin + 256u * WORKGROUP, VOCAB);
    var part = 0.0;
    for (var id = begin; id < end; id += WORKGROUP) {
      part += exp(logits[pick * VOCAB + id] - top);
    }
    sum += part;
  }
  return sum;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  pick = group.x;
  local = index;
  let asked = settings[group.x].told;
  if (asked == 0u) {
    return;
  }
  restore(count.x);
  storageBarrier();
  last_value = -LOWEST;
  last_id = 0u;
  var id = largest();
  let whole = log(total(vec4(mass(), 0.0, 0.0, 0.0)).x);
  let likeliest = top;
  let first = pick * WORDS;
  if (local == 0u) {
    told[first] = bitcast<u32>(logits[pick * VOCAB + chosen[pick]] - likeliest - whole);
  }
  let ranks = min(asked - 1u, VOCAB);
  for (var rank = 0u; rank < ranks; rank++) {
    if (rank > 0u) {
      last_value = top;
      last_id = id;
      id = largest();
    }
    if (local == 0u) {
      told[first + 1u + 2u * rank] = id;
      told[first + 2u + 2u * rank] = bitcast<u32>(top - likeliest - whole);
    }
  }
}
