// token[p] = the id that row p's number draws from its logits under its own temperature, top-k, top-p, min-p and mask, so that
// sampled decoding reads 4 bytes back and not the vocabulary. The rule, and why ids and not ranks order it: reference/sampling.ts.
// No sort: the smallest kept logit is found by bisection over the bits of f32, which order like the numbers do. A pass over
// the logits measures what lies above three candidates at once, and quarters the interval; 18 passes end any.
// Grid and reductions: row-reduce.wgsl, of 256 threads. Where a barrier is dear the CPU draws instead (model/chooser.ts).
// logits: project-logits, changed by penalise, [picks][VOCAB]. settings, allowed: host. chosen is read back; tokens is what the
// next step's embed reads, so that a step may follow before the host knows the token.
// Cost: 2 reads of the logits, 18 more for top-k, 19 for top-p (they stay in the cache). f32 sums, in a tree.
@group(0) @binding(0) var<storage, read> logits: array<f32>;
@group(0) @binding(1) var<storage, read> settings: array<Row>;
@group(0) @binding(2) var<storage, read> allowed: array<u32>;
@group(0) @binding(3) var<storage, read_write> chosen: array<u32>;
@group(0) @binding(4) var<storage, read_write> tokens: array<u32>;

fn logit(id: u32) -> f32 {
  if (settings[pick].masked == 1u && ((allowed[pick * ((VOCAB + 31u) / 32u) + id / 32u] >> (id % 32u)) & 1u) == 0u) {
    return LOWEST;
  }
  return logits[pick * VOCAB + id];
}

fn weight(x: f32) -> f32 {
  return exp((x - top) * settings[pick].inverse_temperature);
}

// Orders like the floats.
fn key(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}

fn value(k: u32) -> f32 {
  return bitcast<f32>(select(~k, k & 0x7fffffffu, (k >> 31u) == 1u));
}

// The smallest key, from `begin` on, above which less than `limit` lies: counted, or weighed. What has it or more is kept.
fn threshold(begin: u32, limit: f32, weighed: bool) -> u32 {
  var low = begin;
  var high = key(top);
  let floor = value(begin);
  for (var round = 0; round < 18; round++) {
    let span = high - low;
    let at = vec3(low) + vec3(span >> 2u, span >> 1u, (span >> 1u) + (span >> 2u));
    var above = vec4<f32>();
    for (var id = local; id < VOCAB; id += WORKGROUP) {
      let x = logit(id);
      if (x >= floor && x <= top) {
        var w = 1.0;
        if (weighed) {
          w = weight(x);
        }
        above += vec4(select(vec3(0.0), vec3(w), vec3(key(x)) > at), 0.0);
      }
    }
    let sum = total(above);
    if (low < high) {
      if (sum.x < limit) {
        high = at.x;
      } else if (sum.y < limit) {
        low = at.x + 1u;
        high = at.y;
      } else if (sum.z < limit) {
        low = at.y + 1u;
        high = at.z;
      } else {
        low = at.z + 1u;
      }
    }
  }
  return low;
}

fn mass(begin: u32) -> f32 {
  let floor = value(begin);
  var own = 0.0;
  for (var id = local; id < VOCAB; id += WORKGROUP) {
    let x = logit(id);
    if (x >= floor) {
      own += weight(x);
    }
  }
  return total(vec4(own, 0.0, 0.0, 0.0)).x;
}

fn give(id: u32) {
  chosen[pick] = id;
  tokens[pick] = id;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) index: u32) {
  pick = group.x;
  local = index;
  let likeliest = largest();
  let row = settings[group.x];
  if (row.inverse_temperature == 0.0) {
    if (local == 0u) {
      give(likeliest);
    }
    return;
  }
  var least = key(top - 40.0 / row.inverse_temperature);
  if (row.top_k > 0u) {
    least = threshold(least, f32(row.top_k), false);
  }
  if (row.top_p < 1.0) {
    least = threshold(least, row.top_p * mass(least), true);
  }
  let floor = value(max(least, key(top + row.gap)));

  // A run of ids a thread, so that sums of threads are sums of ids in order.
  let each = (VOCAB + WORKGROUP - 1u) / WORKGROUP;
  let first = min(local * each, VOCAB);
  let end = min(first + each, VOCAB);
  var own = 0.0;
  for (var id = first; id < end; id++) {
    let x = logit(id);
    if (x >= floor) {
      own += weight(x);
    }
  }
  best[local] = own;
  workgroupBarrier();
  var all = 0.0;
  for (var t = 0u; t < WORKGROUP; t++) {
    all += best[t];
  }
  let wanted = row.number * all;
  // The run that the number falls into; by rounding it may fall behind the last one.
  var before = 0.0;
  var mine = false;
  var sum = 0.0;
  for (var t = 0u; t < WORKGROUP; t++) {
    if (best[t] > 0.0) {
      let found = sum + best[t] > wanted || sum + best[t] == all;
      if (found) {
        mine = t == local;
        before = sum;
        break;
      }
    }
    sum += best[t];
  }
  if (!mine) {
    return;
  }
  var drawn = likeliest;
  for (var id = first; id < end; id++) {
    let x = logit(id);
    if (x >= floor) {
      drawn = id;
      before += weight(x);
      if (before > wanted) {
        break;
      }
    }
  }
  give(drawn);
}
