// found[p] = how likely claims[p]'s token is in row p, and which uniform numbers may have drawn it, so that a replay reads back 16
// bytes a position and not the vocabulary. The rule, and why an interval is widened so: replay-rule.ts.
// A cut (top-k, top-p) lies somewhere between `slack` above and below where it is found here: what lies above both was surely kept,
// what lies between them may have been. No sort: a pass over the logits measures what lies above two candidates for each of two
// cuts, and leaves a third of both ranges; 14 passes leave 1e-5 of a temperature. `slack` is a little less than the tolerance, so that
// neither this nor the rounding of f32 widens an interval beyond the rule's.
// Behind penalise, before logprobs. Grid and reductions: row-reduce.wgsl, of 256 threads; where a barrier is dear the logits are
// read instead (replay-reading.ts).
// logits: project-logits, changed by penalise, [picks][VOCAB]. settings: draw-settings.wgsl. claims: host.
// Cost: 2 reads of the logits; 1 more for a sampled row, 14 more for top-k, 14 for top-p, 1 for both. f32 sums, in a tree.
struct Claim {
  id: u32,
  // Shares of the mass that top-p surely reached, and may have reached.
  least: f32,
  most: f32,
  slack: f32,
  // e^(slack / temperature): by how much weights may be off together.
  ratio: f32,
}

struct Found {
  // The largest logit less this one.
  gap: f32,
  // How many logits are larger.
  above: f32,
  // [begin, end] of the numbers; begin > end where none.
  begin: f32,
  end: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> settings: array<Row>;
@group(0) @binding(2) var<storage, read> claims: array<Claim>;
@group(0) @binding(3) var<storage, read_write> found: array<Found>;

// Beneath e^−40 of the likeliest nothing can change a sum.
const FARTHEST = 40.0;
// Twice replay-rule.ts's share: of what weighs no more it is not said here that it may be drawn.
const LEAST_SHARE = 2e-9;

var<private> inverse: f32;

fn logit(id: u32) -> f32 {
  return logits[pick * VOCAB + id];
}

fn weight(x: f32) -> f32 {
  return exp((x - top) * inverse);
}

// For each limit the value that has to be kept for the kept ones to reach it: counted, or weighed.
fn reaching(limits: vec2<f32>, counted: bool) -> vec2<f32> {
  var low = vec2(top - FARTHEST / inverse);
  var high = vec2(top);
  for (var round = 0; round < 14; round++) {
    let third = (high - low) / 3.0;
    let at = vec4(low + third, high - third);
    var above = vec4<f32>();
    for (var id = local; id < VOCAB; id += WORKGROUP) {
      let x = logit(id);
      above += select(vec4(0.0), vec4(select(weight(x), 1.0, counted)), vec4(x) > at);
    }
    let sum = total(above);
    let beyond_first = sum.xy >= limits;
    let beyond_second = sum.zw >= limits;
    low = select(select(low, at.xy, beyond_first), at.zw, beyond_second);
    high = select(select(at.xy, at.zw, beyond_first), high, beyond_second);
  }
  return high;
}

// What weighs at least so much: above either floor.
fn masses(floors: vec2<f32>) -> vec2<f32> {
  var own = vec4<f32>();
  for (var id = local; id < VOCAB; id += WORKGROUP) {
    let x = logit(id);
    own += vec4(select(vec2(0.0), vec2(weight(x)), vec2(x) >= floors), 0.0, 0.0);
  }
  return total(own).xy;
}

fn interval(claim: Claim, row: Row, own: f32, all: f32) -> vec2<f32> {
  var cuts = vec2(top + row.gap);
  var mass = vec2(all);
  if (row.top_k > 0u && row.top_k < VOCAB) {
    let kth = reaching(vec2(f32(row.top_k)), true);
    cuts = max(cuts, kth);
    mass = masses(kth + vec2(claim.slack, -claim.slack));
  }
  if (row.top_p < 1.0) {
    cuts = max(cuts, reaching(vec2(claim.least, claim.most) * mass, false));
  }
  let surely = cuts.x + claim.slack;
  let maybe = cuts.y - claim.slack;
  // Of lower and of higher ids: what was surely kept, and what may have been.
  var part = vec4<f32>();
  for (var id = local; id < VOCAB; id += WORKGROUP) {
    let x = logit(id);
    if (id != claim.id && x >= maybe) {
      let kept = vec2(select(0.0, weight(x), x >= surely), weight(x));
      part += select(vec4(0.0, 0.0, kept), vec4(kept, 0.0, 0.0), id < claim.id);
    }
  }
  let sum = total(part);
  let w = weight(own);
  if (own < maybe || w < LEAST_SHARE * (sum.x + w + sum.z)) {
    return vec2(1.0, 0.0);
  }
  let begin = sum.x / (sum.x + w + sum.w);
  let end = (sum.y + w) / (sum.y + w + sum.z);
  return vec2(begin / (begin + (1.0 - begin) * claim.ratio), end * claim.ratio / (end * claim.ratio + 1.0 - end));
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  pick = group.x;
  local = index;
  let claim = claims[group.x];
  let row = settings[group.x];
  inverse = row.inverse_temperature;
  _ = largest();
  let own = logit(claim.id);
  var part = vec4<f32>();
  for (var id = local; id < VOCAB; id += WORKGROUP) {
    let x = logit(id);
    part += vec4(select(0.0, 1.0, x > own), weight(x), 0.0, 0.0);
  }
  let whole = total(part);
  var range = vec2(1.0, 0.0);
  if (row.inverse_temperature > 0.0) {
    range = interval(claim, row, own, whole.y);
  }
  if (local == 0u) {
    found[pick] = Found(top - own, whole.x, range.x, range.y);
  }
}
