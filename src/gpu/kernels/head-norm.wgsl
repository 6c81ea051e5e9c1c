// Each head of q and of k: y = x / sqrt(mean(x²) + ε) · gain, then RoPE (half-split), in place. qwen3's q/k norm.
// Grid: x heads of q, then of k, one a thread; y rows. A head is read twice by its own thread, so there is no barrier.
// q: [rows][HEADS · d], kv: [place][k: KV_HEADS · d, v], both unrotated, written by project-qkv.
// kv is stored as kv/write-*.wgsl says, a prelude. gains: [q: d, k: d].
// rope: [position][d/2] of (cos, sin). Accumulates in f32. Cost: 6 · (HEADS + KV_HEADS) · d FLOP a row.
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

@group(0) @binding(0) var<uniform> batch: Batch;
@group(0) @binding(1) var<storage, read> rows: array<Row>;
@group(0) @binding(2) var<storage, read> rope: array<vec2<f32>>;
@group(0) @binding(3) var<storage, read> gains: array<f32>;
@group(0) @binding(4) var<storage, read_write> q: array<f32>;
@group(0) @binding(5) var<storage, read_write> kv: array<KvWord>;

override HEADS: u32;
override KV_HEADS: u32;
override HEAD_DIM: u32;
override EPSILON: f32;

@compute @workgroup_size(8)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let head = id.x;
  if (head >= HEADS + KV_HEADS || id.y >= batch.rows) {
    return;
  }
  let row = rows[id.y];
  let half = HEAD_DIM / 2u;
  let turn = row.position * half;
  var squares = 0.0;
  if (head < HEADS) {
    let at = (id.y * HEADS + head) * HEAD_DIM;
    for (var i = 0u; i < HEAD_DIM; i++) {
      squares += q[at + i] * q[at + i];
    }
    let scale = 1.0 / sqrt(squares / f32(HEAD_DIM) + EPSILON);
    for (var i = 0u; i < half; i++) {
      let a = q[at + i] * scale * gains[i];
      let b = q[at + half + i] * scale * gains[half + i];
      let angle = rope[turn + i];
      q[at + i] = a * angle.x - b * angle.y;
      q[at + half + i] = b * angle.x + a * angle.y;
    }
    return;
  }
  let at = (row.place * 2u * KV_HEADS + head - HEADS) * HEAD_DIM;
  for (var i = 0u; i < HEAD_DIM; i += 2u) {
    let pair = pair_at(at + i);
    squares += dot(pair, pair);
  }
  let scale = 1.0 / sqrt(squares / f32(HEAD_DIM) + EPSILON);
  // A head is a multiple of four wide, so a half of it is whole pairs.
  for (var i = 0u; i < half; i += 2u) {
    let g = HEAD_DIM + i;
    let a = pair_at(at + i) * scale * vec2(gains[g], gains[g + 1u]);
    let b = pair_at(at + half + i) * scale * vec2(gains[g + half], gains[g + half + 1u]);
    let first = rope[turn + i];
    let second = rope[turn + i + 1u];
    let cosines = vec2(first.x, second.x);
    let sines = vec2(first.y, second.y);
    put_pair(at + i, a * cosines - b * sines);
    put_pair(at + half + i, b * cosines + a * sines);
  }
}
