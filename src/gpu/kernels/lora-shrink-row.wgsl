// Prelude of the kernels that shrink: z = scale · A·x for one row and one module, under the adapters of the row's own face.
// Before it comes `four`: what four of A's numbers, one of its elements, are (tile/lora-f16.wgsl, tile/lora-f32.wgsl).
// From the kernel it takes `rows`, `table`, `A`, `Z`, `site`, `input(t, k)`: the k-th vec4 of what the projection reads, and
// `row_scale(t)`: what is left of the norm whose product with its gain that is, or 1.
// table: first [slot][layer][7] heads (where its segments stand, how many, 1 + where its gains stand or 0, 0), then segments
// (where A begins in fours, where B begins in pairs, rank and above it how many vec4 a pair of B's rows takes, scale as f32 bits). An
// adapter, or neighbouring groups of one, is a segment; several adapters at once are several. Slot 0 is all zero.
// lora/adapter-pool.ts writes it.
// Z: [rows][Z_PARTS][Z_RECORD], the last part for o or down, which shrink alone: number of segments, gains, then (B, rank) of each,
// then z of one after the other as f32 bits; from the record's end backwards, the vec4 of a pair of rows, segment by segment.
// SHARES workgroups may share a row's columns out, since one alone is one core of a GPU's. The first leaves its sums in the record, each
// next one SHARED_ROWS rows further on; z is their total times what is left of the norm, which none of them knows and who reads z does.
// TAKE ranks at a time go round the lanes across segments and modules: who has rank 4 does the work of 4, whatever the others have.
// Four ranks that share their loads of x made an adapter of rank 64 a fifth cheaper on SwiftShader, where every load is dear.
struct Row {
  position: u32,
  place: u32,
  slot: u32,
  sequence: u32,
}

struct Site {
  layer: u32,
  first_module: u32,
  parts: u32,
  // Of the input, in vec4: its true width, and its stride.
  width: u32,
  stride: u32,
}

override LAYERS: u32;
override Z_RECORD: u32;
override Z_PARTS: u32;
// Four where single threads are faster; else one, so that more lanes work.
override TAKE: u32 = 1;
// More than one only where rows are few, SHARED_ROWS at most.
override SHARES: u32 = 1;
const SHARED_ROWS = 16u;

// Of the input, in vec4, and whose they are.
struct Columns {
  share: u32,
  first: u32,
  end: u32,
}

fn all_columns() -> Columns {
  return Columns(0u, 0u, site.width);
}

fn record_of(t: u32, part: u32) -> u32 {
  return (t * Z_PARTS + select(part, Z_PARTS - 1u, site.parts == 1u)) * Z_RECORD;
}

fn head_of(t: u32, part: u32) -> vec4<u32> {
  return table[(rows[t].slot * LAYERS + site.layer) * 7u + site.first_module + part];
}

fn rank_of(segment: vec4<u32>) -> u32 {
  return segment.z & 0xffffu;
}

// Says in a row's record of z whose it is, segment by segment.
fn describe(t: u32, part: u32) {
  let head = head_of(t, part);
  let record = record_of(t, part);
  Z[record] = head.y;
  Z[record + 1u] = head.z;
  for (var s = 0u; s < head.y; s++) {
    let segment = table[head.x + s];
    Z[record + 2u + 2u * s] = segment.y;
    Z[record + 3u + 2u * s] = rank_of(segment);
    Z[record + Z_RECORD - 1u - s] = segment.z >> 16u;
  }
}

// Modules first .. end − 1, over some of the columns. A lane's next ranks may lie segments or modules ahead: each walks to its own, so
// that lanes with ranks of different ones work at once.
fn shrink(t: u32, first: u32, end: u32, lane: u32, lanes: u32, columns: Columns) {
  if (lane == 0u && columns.share == 0u) {
    for (var part = first; part < end; part++) {
      describe(t, part);
    }
  }
  let scale = row_scale(t);
  let share_at = columns.share * SHARED_ROWS * Z_PARTS * Z_RECORD;
  var part = first;
  var head = head_of(t, part);
  // Where z of the segment at hand goes, and how many takes lie before it.
  var to = share_at + record_of(t, part) + 2u + 2u * head.y;
  var begin = 0u;
  var s = 0u;
  for (var take = lane; ; take += lanes) {
    var segment = vec4<u32>();
    loop {
      if (s < head.y) {
        segment = table[head.x + s];
        let takes = (rank_of(segment) + TAKE - 1u) / TAKE;
        if (take < begin + takes) {
          break;
        }
        begin += takes;
        to += rank_of(segment);
        s++;
      } else {
        part++;
        if (part >= end) {
          return;
        }
        head = head_of(t, part);
        to = share_at + record_of(t, part) + 2u + 2u * head.y;
        s = 0u;
      }
    }
    let factor = bitcast<f32>(segment.w) * scale;
    let r = (take - begin) * TAKE;
    let a = segment.x + r * site.width;
    var sum0 = vec4<f32>();
    if (TAKE == 1u) {
      for (var k = columns.first; k < columns.end; k++) {
        sum0 += four(A[a + k]) * input(t, k);
      }
      Z[to + r] = bitcast<u32>(factor * dot(sum0, vec4(1.0)));
      continue;
    }
    // Past the segment's last rank that one is read again, and not kept.
    let most = rank_of(segment) - 1u - r;
    let b = a + min(most, 1u) * site.width;
    let c = a + min(most, 2u) * site.width;
    let d = a + min(most, 3u) * site.width;
    var sum1 = vec4<f32>();
    var sum2 = vec4<f32>();
    var sum3 = vec4<f32>();
    for (var k = columns.first; k < columns.end; k++) {
      let x = input(t, k);
      sum0 += four(A[a + k]) * x;
      sum1 += four(A[b + k]) * x;
      sum2 += four(A[c + k]) * x;
      sum3 += four(A[d + k]) * x;
    }
    Z[to + r] = bitcast<u32>(factor * dot(sum0, vec4(1.0)));
    if (most >= 1u) {
      Z[to + r + 1u] = bitcast<u32>(factor * dot(sum1, vec4(1.0)));
    }
    if (most >= 2u) {
      Z[to + r + 2u] = bitcast<u32>(factor * dot(sum2, vec4(1.0)));
    }
    if (most >= 3u) {
      Z[to + r + 3u] = bitcast<u32>(factor * dot(sum3, vec4(1.0)));
    }
  }
}

// Four rows under one face: they read A once.
fn shrink_four(t: u32, part: u32, lane: u32, lanes: u32) {
  let head = head_of(t, part);
  let size = Z_PARTS * Z_RECORD;
  let record = record_of(t, part);
  let scales = vec4(row_scale(t), row_scale(t + 1u), row_scale(t + 2u), row_scale(t + 3u));
  if (lane == 0u) {
    for (var i = 0u; i < 4u; i++) {
      describe(t + i, part);
    }
  }
  var to = record + 2u + 2u * head.y;
  var shared_out = 0u;
  for (var s = 0u; s < head.y; s++) {
    let segment = table[head.x + s];
    let rank = rank_of(segment);
    for (var r = (lane + lanes - shared_out % lanes) % lanes; r < rank; r += lanes) {
      var sum0 = vec4<f32>();
      var sum1 = vec4<f32>();
      var sum2 = vec4<f32>();
      var sum3 = vec4<f32>();
      let a = segment.x + r * site.width;
      for (var k = 0u; k < site.width; k++) {
        let weight = four(A[a + k]);
        sum0 += weight * input(t, k);
        sum1 += weight * input(t + 1u, k);
        sum2 += weight * input(t + 2u, k);
        sum3 += weight * input(t + 3u, k);
      }
      let scale = bitcast<f32>(segment.w) * scales;
      Z[to + r] = bitcast<u32>(scale.x * dot(sum0, vec4(1.0)));
      Z[to + size + r] = bitcast<u32>(scale.y * dot(sum1, vec4(1.0)));
      Z[to + 2u * size + r] = bitcast<u32>(scale.z * dot(sum2, vec4(1.0)));
      Z[to + 3u * size + r] = bitcast<u32>(scale.w * dot(sum3, vec4(1.0)));
    }
    to += rank;
    shared_out += rank;
  }
}

// Rows first .. end − 1 of one module. Four that lie together under one face go together (SGMV), others one by one (BGMV).
fn shrink_rows(first: u32, end: u32, part: u32, lane: u32, lanes: u32) {
  if (first + 4u == end) {
    let slot = rows[first].slot;
    if (rows[first + 1u].slot == slot && rows[first + 2u].slot == slot && rows[first + 3u].slot == slot) {
      shrink_four(first, part, lane, lanes);
      return;
    }
  }
  for (var t = first; t < end; t++) {
    shrink(t, part, part + 1u, lane, lanes, all_columns());
  }
}
