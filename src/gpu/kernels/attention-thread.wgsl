// The same attention as attention.wgsl, one (row, head, split) a thread and no barrier: for processors where a barrier is dear.
// Online softmax over blocks of BLOCK keys: their scores, then y over them, four vec4 of the head at a time. Four keys at once share
// a load of q, and four vec4 of the head share a load of a weight; named variables, since an indexed array lives in memory on
// SwiftShader: there the weights of a block and the sums of a head are such arrays, read once a block.
// Grid: rows · HEADS · SPLITS / 4, split fastest, then head. HEAD_VEC is a constant before this text: arrays are sized by it.
// q: project-qkv. kv: kv/*.wgsl, the prelude. o: [rows][O_STRIDE] vec4, or parts where SPLITS > 1, as in attention.wgsl.
// Cost: 4 · d FLOP a key and head. Sums over keys in f32.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

struct Batch {
  rows: u32,
  picks: u32,
}

@group(0) @binding(0) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> rows: array<Row>;
@group(0) @binding(3) var<storage, read> pages: array<u32>;
@group(0) @binding(4) var<storage, read_write> o: array<vec4<f32>>;
@group(0) @binding(5) var<uniform> batch: Batch;

override HEADS: u32;
override KV_HEADS: u32;
override WINDOW: u32 = 0xffffffffu;
override PAGE: u32;
override PAGE_STRIDE: u32;
override O_STRIDE: u32;
override SCALE: f32;
override SPLITS: u32 = 1;
const BLOCK = 64u;

fn key_at(sequence: u32, key: u32) -> u32 {
  return (pages[sequence * PAGE_STRIDE + key / PAGE] * PAGE + key % PAGE) * 2u * KV_HEADS * HEAD_VEC;
}

@compute @workgroup_size(4)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let split = id.x % SPLITS;
  let head = id.x / SPLITS % HEADS;
  let t = id.x / SPLITS / HEADS;
  if (t >= batch.rows) {
    return;
  }
  let row = rows[t];
  let last = row.position + 1u;
  let start = last - min(last, WINDOW);
  let share = (last - start + SPLITS - 1u) / SPLITS;
  let begin = min(start + split * share, last);
  let end = min(begin + share, last);
  let kv_head = head * KV_HEADS / HEADS * HEAD_VEC;
  let query = (t * HEADS + head) * HEAD_VEC;

  var weights: array<f32, BLOCK>;
  var y: array<vec4<f32>, HEAD_VEC>;
  var top = -3.4e38;
  var sum = 0.0;
  for (var first = begin; first < end; first += BLOCK) {
    let count = min(BLOCK, end - first);
    var best = top;
    for (var i = 0u; i < count; i += 4u) {
      // Keys past the last repeat it: their weights are never read.
      let key = first + i;
      let k0 = key_at(row.sequence, key) + kv_head;
      let k1 = key_at(row.sequence, min(key + 1u, end - 1u)) + kv_head;
      let k2 = key_at(row.sequence, min(key + 2u, end - 1u)) + kv_head;
      let k3 = key_at(row.sequence, min(key + 3u, end - 1u)) + kv_head;
      var s0 = vec4<f32>();
      var s1 = vec4<f32>();
      var s2 = vec4<f32>();
      var s3 = vec4<f32>();
      for (var j = 0u; j < HEAD_VEC; j++) {
        let a = q[query + j];
        s0 += a * kv_at(k0 + j);
        s1 += a * kv_at(k1 + j);
        s2 += a * kv_at(k2 + j);
        s3 += a * kv_at(k3 + j);
      }
      let s = SCALE * vec4(dot(s0, vec4(1.0)), dot(s1, vec4(1.0)), dot(s2, vec4(1.0)), dot(s3, vec4(1.0)));
      best = max(best, max(max(s.x, s.y), max(s.z, s.w)));
      // BLOCK is a multiple of 4, so there is room for all of them.
      weights[i] = s.x;
      weights[i + 1u] = s.y;
      weights[i + 2u] = s.z;
      weights[i + 3u] = s.w;
    }
    let kept = exp(top - best);
    top = best;
    sum *= kept;
    for (var i = 0u; i < count; i++) {
      let p = exp(weights[i] - best);
      weights[i] = p;
      sum += p;
    }
    for (var part = 0u; part < HEAD_VEC; part += 4u) {
      // Parts past the head's end repeat its last one; of what is kept, only the first of equals counts.
      let p1 = min(part + 1u, HEAD_VEC - 1u);
      let p2 = min(part + 2u, HEAD_VEC - 1u);
      let p3 = min(part + 3u, HEAD_VEC - 1u);
      var y0 = y[part] * kept;
      var y1 = y[p1] * kept;
      var y2 = y[p2] * kept;
      var y3 = y[p3] * kept;
      for (var i = 0u; i < count; i++) {
        let p = weights[i];
        let v = key_at(row.sequence, first + i) + KV_HEADS * HEAD_VEC + kv_head;
        y0 += p * kv_at(v + part);
        y1 += p * kv_at(v + p1);
        y2 += p * kv_at(v + p2);
        y3 += p * kv_at(v + p3);
      }
      y[part] = y0;
      y[p1] = y1;
      y[p2] = y2;
      y[p3] = y3;
    }
  }

  if (SPLITS == 1u) {
    let to = t * O_STRIDE + head * HEAD_VEC;
    for (var part = 0u; part < HEAD_VEC; part++) {
      o[to + part] = y[part] / sum;
    }
    return;
  }
  let to = ((t * HEADS + head) * SPLITS + split) * (HEAD_VEC + 1u);
  for (var part = 0u; part < HEAD_VEC; part++) {
    o[to + part] = y[part];
  }
  o[to + HEAD_VEC] = vec4(top, sum, 0.0, 0.0);
}
