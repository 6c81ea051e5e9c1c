// o = softmax(q·Kᵀ / √d) · V over the row's own keys, causal; query head g reads kv head ⌊g · KV_HEADS / HEADS⌋ (GQA).
// A row at position p sees keys max(0, p + 1 − WINDOW) .. p of its sequence, through the sequence's page table.
// Grid: x rows, y head · SPLITS + split; one workgroup. Online softmax over blocks of WORKGROUP keys, so that scores live in
// workgroup memory whatever the length: one key a thread, then one vec4 of the head a thread and every GROUPS-th key. Four barriers
// a block. SPLITS > 1 (few rows, many keys): each split takes its share of the keys and leaves y, its maximum and its sum in
// `parts`, which attention-join.wgsl puts together.
// q: project-qkv. kv: kv/*.wgsl, the prelude. o: [rows][O_STRIDE] vec4. Cost: 4 · d FLOP a key and head. Sums in f32.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rows: array<Row>;
@group(0) @binding(3) var<storage, read> pages: array<u32>;
@group(0) @binding(4) var<storage, read_write> o: array<vec4<f32>>;

override HEADS: u32;
override KV_HEADS: u32;
// Of a head, in vec4: at most 64 (checked at load).
override HEAD_VEC: u32;
override WINDOW: u32 = 0xffffffffu;
override PAGE: u32;
override PAGE_STRIDE: u32;
override O_STRIDE: u32;
override SCALE: f32;
override SPLITS: u32 = 1;
override WORKGROUP: u32 = 128;

var<workgroup> query: array<vec4<f32>, HEAD_VEC>;
var<workgroup> weights: array<f32, WORKGROUP>;
var<workgroup> sums: array<vec4<f32>, WORKGROUP>;

fn place(sequence: u32, key: u32) -> u32 {
  return pages[sequence * PAGE_STRIDE + key / PAGE] * PAGE + key % PAGE;
}

@compute @workgroup_size(WORKGROUP)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let t = group.x;
  let head = group.y / SPLITS;
  let split = group.y % SPLITS;
  let row = rows[t];
  let last = row.position + 1u;
  let start = last - min(last, WINDOW);
  let share = (last - start + SPLITS - 1u) / SPLITS;
  let begin = min(start + split * share, last);
  let end = min(begin + share, last);
  let kv_vec = 2u * KV_HEADS * HEAD_VEC;
  let kv_head = head * KV_HEADS / HEADS * HEAD_VEC;
  for (var i = local; i < HEAD_VEC; i += WORKGROUP) {
    query[i] = q[(t * HEADS + head) * HEAD_VEC + i] * SCALE;
  }
  workgroupBarrier();

  let groups = WORKGROUP / HEAD_VEC;
  let part = local % HEAD_VEC;
  let lane = local / HEAD_VEC;
  var top = -3.4e38;
  var sum = 0.0;
  var y = vec4<f32>();
  for (var first = begin; first < end; first += WORKGROUP) {
    let count = min(WORKGROUP, end - first);
    var score = -3.4e38;
    if (local < count) {
      let k = place(row.sequence, first + local) * kv_vec + kv_head;
      var s = vec4<f32>();
      for (var i = 0u; i < HEAD_VEC; i++) {
        s += query[i] * kv_at(k + i);
      }
      score = dot(s, vec4(1.0));
    }
    weights[local] = score;
    workgroupBarrier();
    var best = top;
    for (var i = 0u; i < count; i++) {
      best = max(best, weights[i]);
    }
    workgroupBarrier();
    weights[local] = exp(score - best);
    workgroupBarrier();
    let kept = exp(top - best);
    top = best;
    y *= kept;
    sum *= kept;
    if (lane < groups) {
      for (var i = lane; i < count; i += groups) {
        let v = place(row.sequence, first + i) * kv_vec + KV_HEADS * HEAD_VEC + kv_head;
        y += weights[i] * kv_at(v + part);
        sum += weights[i];
      }
    }
    workgroupBarrier();
  }

  sums[local] = y;
  weights[local] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    for (var g = 1u; g < groups; g++) {
      y += sums[g * HEAD_VEC + part];
      sum += weights[g * HEAD_VEC + part];
    }
    if (SPLITS == 1u) {
      o[t * O_STRIDE + head * HEAD_VEC + part] = y / sum;
    } else {
      let to = ((t * HEADS + head) * SPLITS + split) * (HEAD_VEC + 1u);
      o[to + part] = y;
      if (part == 0u) {
        o[to + HEAD_VEC] = vec4(top, sum, 0.0, 0.0);
      }
    }
  }
}
