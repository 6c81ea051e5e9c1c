// The same attention as attention.wgsl, one (row, head) a thread and no barrier: for processors where a barrier is dear.
// o = softmax(q·Kᵀ / √d) · V over keys max(0, p + 1 − WINDOW) .. p of the row's sequence; causal, GQA.
// Grid: rows · HEADS / 4, head fastest, so that neighbouring threads share a kv head. Four keys at once share a load of q, and
// four vec4 of the head share a load of a score; named variables, since an indexed array lives in memory on SwiftShader.
// q: project-qkv. kv: [place][k, v]. o: [rows][O_STRIDE] vec4. scores: [rows][HEADS][SCORE_STRIDE], scratch.
// Cost: 4 · d FLOP a key and head. Sums over keys in f32, in order.
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
@group(0) @binding(6) var<uniform> batch: Batch;

struct Batch {
  rows: u32,
  picks: u32,
}

override HEADS: u32;
override KV_HEADS: u32;
override HEAD_VEC: u32;
override WINDOW: u32 = 0xffffffffu;
override PAGE: u32;
override PAGE_STRIDE: u32;
override SCORE_STRIDE: u32;
override O_STRIDE: u32;
override SCALE: f32;

fn key_at(sequence: u32, key: u32) -> u32 {
  return (pages[sequence * PAGE_STRIDE + key / PAGE] * PAGE + key % PAGE) * 2u * KV_HEADS * HEAD_VEC;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let t = id.x / HEADS;
  let head = id.x % HEADS;
  if (t >= batch.rows) {
    return;
  }
  let row = rows[t];
  let end = row.position + 1u;
  let start = end - min(end, WINDOW);
  let kv_head = head * KV_HEADS / HEADS * HEAD_VEC;
  let query = (t * HEADS + head) * HEAD_VEC;
  let score_at = (t * HEADS + head) * SCORE_STRIDE;

  var top = -3.4e38;
  for (var key = start; key < end; key += 4u) {
    // Keys past the last repeat it: their scores are overwritten or never read.
    let k0 = key_at(row.sequence, key) + kv_head;
    let k1 = key_at(row.sequence, min(key + 1u, end - 1u)) + kv_head;
    let k2 = key_at(row.sequence, min(key + 2u, end - 1u)) + kv_head;
    let k3 = key_at(row.sequence, min(key + 3u, end - 1u)) + kv_head;
    var s0 = vec4<f32>();
    var s1 = vec4<f32>();
    var s2 = vec4<f32>();
    var s3 = vec4<f32>();
    for (var i = 0u; i < HEAD_VEC; i++) {
      let a = q[query + i];
      s0 += a * kv[k0 + i];
      s1 += a * kv[k1 + i];
      s2 += a * kv[k2 + i];
      s3 += a * kv[k3 + i];
    }
    let s = SCALE * vec4(dot(s0, vec4(1.0)), dot(s1, vec4(1.0)), dot(s2, vec4(1.0)), dot(s3, vec4(1.0)));
    top = max(top, max(max(s.x, s.y), max(s.z, s.w)));
    let to = score_at + key - start;
    scores[to] = s.x;
    if (key + 1u < end) {
      scores[to + 1u] = s.y;
    }
    if (key + 2u < end) {
      scores[to + 2u] = s.z;
    }
    if (key + 3u < end) {
      scores[to + 3u] = s.w;
    }
  }

  var sum = 0.0;
  for (var i = score_at; i < score_at + end - start; i++) {
    let p = exp(scores[i] - top);
    scores[i] = p;
    sum += p;
  }

  for (var part = 0u; part < HEAD_VEC; part += 4u) {
    // Parts past the head's end repeat its last one.
    let p1 = min(part + 1u, HEAD_VEC - 1u);
    let p2 = min(part + 2u, HEAD_VEC - 1u);
    let p3 = min(part + 3u, HEAD_VEC - 1u);
    var y0 = vec4<f32>();
    var y1 = vec4<f32>();
    var y2 = vec4<f32>();
    var y3 = vec4<f32>();
    for (var key = start; key < end; key++) {
      let p = scores[score_at + key - start];
      let v = key_at(row.sequence, key) + KV_HEADS * HEAD_VEC + kv_head;
      y0 += p * kv[v + part];
      y1 += p * kv[v + p1];
      y2 += p * kv[v + p2];
      y3 += p * kv[v + p3];
    }
    let to = t * O_STRIDE + head * HEAD_VEC;
    o[to + part] = y0 / sum;
    o[to + p1] = y1 / sum;
    o[to + p2] = y2 / sum;
    o[to + p3] = y3 / sum;
  }
}
