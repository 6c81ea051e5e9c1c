// q, k, v = W_qkv · x (+ bias), then RoPE on q and k (half-split: pairs i, i + d/2), then k and v are appended to the cache.
// BIASED: a vec4 for each tile stands behind the segment's last tile. ROTATED false: q and k are left for head-norm to turn.
// A tile's four rows, within one head: i, i + 1, i + d/2, i + 1 + d/2 of a q or k head (so a thread owns whole pairs), and
// 4u .. 4u + 3 of a v head. Heads in the order q, k, v. Positions and cache places are the rows' own: nothing is shared.
// X: the residual stream, its norm still to be scaled (tile/shared.wgsl).
// rope: [position][d/2] of (cos, sin), made on the CPU in f64 (WGSL promises sin to 2^-11 only).
// q: [rows][HEADS · d]. kv: [place][k: KV_HEADS · d, v: KV_HEADS · d], stored as kv/write-*.wgsl says, a prelude.
// Cost: 2 · (HEADS + 2 · KV_HEADS) · d · hidden FLOP a token; reads W once for each tile of tokens.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

@group(0) @binding(3) var<storage, read> rows: array<Row>;
@group(0) @binding(4) var<storage, read> rope: array<vec2<f32>>;
@group(0) @binding(5) var<storage, read_write> q: array<f32>;
@group(0) @binding(6) var<storage, read_write> kv: array<KvWord>;

override HEADS: u32;
override KV_HEADS: u32;
override HEAD_DIM: u32;
override BIASED: bool = false;
override ROTATED: bool = true;
const CLOSES = false;

fn token_count() -> u32 {
  return batch.rows;
}

fn input_row(token: u32) -> u32 {
  return token;
}

// Before finish is called for four neighbouring tiles, which lie in one head.
fn ahead(tile: u32, token: u32) {
  if (NEIGHBOURS == 4u) {
    let head = tile / (HEAD_DIM / 4u);
    let u = tile % (HEAD_DIM / 4u);
    let part = select(select(0u, 1u, head >= HEADS), 2u, head >= HEADS + KV_HEADS);
    let within = (head - select(select(0u, HEADS, part == 1u), HEADS + KV_HEADS, part == 2u)) * HEAD_DIM;
    let first = within + select(2u, 4u, part == 2u) * u;
    keep_near(token, part, first, part, first + select(HEAD_DIM / 2u, 8u, part == 2u));
  }
}

fn finish(tile: u32, token: u32, products: vec4<f32>) -> f32 {
  var bias = vec4<f32>();
  if (BIASED) {
    bias = bitcast<vec4<f32>>(W[TILES * BLOCKS * BLOCK_WORDS + tile - TILE_BASE]);
  }
  let head = tile / (HEAD_DIM / 4u);
  let u = tile % (HEAD_DIM / 4u);
  let row = rows[token];
  let kv_dim = KV_HEADS * HEAD_DIM;
  if (head >= HEADS + KV_HEADS) {
    let r = (head - HEADS - KV_HEADS) * HEAD_DIM + 4u * u;
    let owned = vec4(r, r + 1u, r + 2u, r + 3u);
    var v = gained(products, token, 2u, owned) + bias;
    if (NEIGHBOURS == 4u) {
      v += near[u % 4u];
    } else {
      v = with_delta(v, token, 2u, owned);
    }
    let to = row.place * 2u * kv_dim + kv_dim + r;
    put_pair(to, v.xy);
    put_pair(to + 2u, v.zw);
    return 0.0;
  }
  let half = HEAD_DIM / 2u;
  let is_key = head >= HEADS;
  let r = select(head, head - HEADS, is_key) * HEAD_DIM + 2u * u;
  let owned = vec4(r, r + 1u, r + half, r + half + 1u);
  let part = select(0u, 1u, is_key);
  var y = gained(products, token, part, owned) + bias;
  if (NEIGHBOURS == 4u) {
    y += near_pairs(u % 4u);
  } else {
    y = with_delta(y, token, part, owned);
  }
  let a = rope[row.position * half + 2u * u];
  let b = rope[row.position * half + 2u * u + 1u];
  let rotated = vec4(y.x * a.x - y.z * a.y, y.y * b.x - y.w * b.y, y.z * a.x + y.x * a.y, y.w * b.x + y.y * b.y);
  let turned = select(y, rotated, ROTATED);
  if (is_key) {
    let to = row.place * 2u * kv_dim + r;
    put_pair(to, turned.xy);
    put_pair(to + half, turned.zw);
  } else {
    let to = token * HEADS * HEAD_DIM + r;
    q[to] = turned.x;
    q[to + 1u] = turned.y;
    q[to + half] = turned.z;
    q[to + half + 1u] = turned.w;
  }
  return 0.0;
}

fn close(token: u32, entry: u32, squares: f32) {}
