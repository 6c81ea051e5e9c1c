// o = softmax(q·Kᵀ / √d) · V over the row's own keys, causal; query head g reads kv head ⌊g · KV_HEADS / HEADS⌋ (GQA).
// A row at position p sees keys max(0, p + 1 − WINDOW) .. p of its sequence, through the sequence's page table.
// Grid: (row, head), one workgroup of 64. Three passes: scores with one key a thread, exp and sum, then one vec4 of the head
// a thread and every GROUPS-th key. Fourteen barriers whatever the length; scores live in memory, not in 16 KiB of it.
// q: project-qkv. kv: [place][k, v]. o: [rows][O_STRIDE] vec4. scores: [rows][HEADS][SCORE_STRIDE].
// Cost: 4 · d FLOP a key and head. exp(s − max) in f32; the sum over keys is kept in f32 by 64 threads.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> kv: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rows: array<Row>;
@group(0) @binding(3) var<storage, read> pages: array<u32>;
@group(0) @binding(4) var<storage, read_write> scores: array<f32>;
@group(0) @binding(5) var<storage, read_write> o: array<vec4<f32>>;

override HEADS: u32;
override KV_HEADS: u32;
// Of a head, in vec4.
override HEAD_VEC: u32;
override WINDOW: u32 = 0xffffffffu;
override PAGE: u32;
override PAGE_STRIDE: u32;
override SCORE_STRIDE: u32;
override O_STRIDE: u32;
override SCALE: f32;

var<workgroup> query: array<vec4<f32>, HEAD_VEC>;
var<workgroup> partial: array<f32, 64>;
var<workgroup> sums: array<vec4<f32>, 64>;

fn place(sequence: u32, key: u32) -> u32 {
  return pages[sequence * PAGE_STRIDE + key / PAGE] * PAGE + key % PAGE;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) local: u32) {
  let t = group.x;
  let head = group.y;
  let row = rows[t];
  let end = row.position + 1u;
  let start = end - min(end, WINDOW);
  let kv_vec = 2u * KV_HEADS * HEAD_VEC;
  let kv_head = head * KV_HEADS / HEADS * HEAD_VEC;
  let score_at = (t * HEADS + head) * SCORE_STRIDE;
  for (var i = local; i < HEAD_VEC; i += 64u) {
    query[i] = q[(t * HEADS + head) * HEAD_VEC + i] * SCALE;
  }
  workgroupBarrier();

  var best = -3.4e38;
  for (var key = start + local; key < end; key += 64u) {
    let k = place(row.sequence, key) * kv_vec + kv_head;
    var s = vec4<f32>();
    for (var i = 0u; i < HEAD_VEC; i++) {
      s += query[i] * kv[k + i];
    }
    let score = dot(s, vec4(1.0));
    scores[score_at + key - start] = score;
    best = max(best, score);
  }
  partial[local] = best;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      partial[local] = max(partial[local], partial[local + half]);
    }
  }
  workgroupBarrier();
  let top = partial[0];
  workgroupBarrier();

  var sum = 0.0;
  for (var key = start + local; key < end; key += 64u) {
    let p = exp(scores[score_at + key - start] - top);
    scores[score_at + key - start] = p;
    sum += p;
  }
  partial[local] = sum;
  for (var half = 32u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (local < half) {
      partial[local] += partial[local + half];
    }
  }
  workgroupBarrier();
  storageBarrier();

  // HEAD_VEC is at most 64 (checked at load), so every part of the head has a thread.
  let groups = 64u / HEAD_VEC;
  let part = local % HEAD_VEC;
  let lane = local / HEAD_VEC;
  var y = vec4<f32>();
  if (lane < groups) {
    for (var key = start + lane; key < end; key += groups) {
      let v = place(row.sequence, key) * kv_vec + KV_HEADS * HEAD_VEC + kv_head;
      y += scores[score_at + key - start] * kv[v + part];
    }
  }
  sums[local] = y;
  workgroupBarrier();
  if (lane == 0u) {
    for (var g = 1u; g < groups; g++) {
      y += sums[g * HEAD_VEC + part];
    }
    o[t * O_STRIDE + head * HEAD_VEC + part] = y / partial[0];
  }
}
