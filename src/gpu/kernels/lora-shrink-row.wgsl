// Prelude of the kernels that shrink: z = scale · A·x for one row and one module, under the adapters of the row's own face.
// From the kernel it takes `rows`, `table`, `A`, `z`, `site`, and `input(t, k)`: the k-th vec4 of what the projection reads.
// table: first [slot][layer][7] heads (where its segments stand, how many, 1 + where its gains stand or 0, 0), then segments
// (where A begins in vec4, where B begins in pairs, rank, scale as f32 bits). An adapter, or a group of ranks of one, is a
// segment; several adapters at once are several. Slot 0 is all zero. lora/adapter-pool.ts writes it.
// z: [rows][parts][Z_RECORD]: number of segments, gains, then (B, rank) of each, then z of one after the other as f32 bits.
// Ranks go round the lanes across segments and modules: who has rank 4 does the work of 4, whatever the others have.
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

fn head_of(t: u32, part: u32) -> vec4<u32> {
  return table[(rows[t].slot * LAYERS + site.layer) * 7u + site.first_module + part];
}

// `done`: dot products the lanes have shared out before. Returns it with this module's added.
fn shrink(t: u32, part: u32, lane: u32, lanes: u32, done: u32) -> u32 {
  let head = head_of(t, part);
  let record = (t * site.parts + part) * Z_RECORD;
  if (lane == 0u) {
    z[record] = head.y;
    z[record + 1u] = head.z;
  }
  var to = record + 2u + 2u * head.y;
  var shared_out = done;
  for (var s = 0u; s < head.y; s++) {
    let segment = table[head.x + s];
    if (lane == 0u) {
      z[record + 2u + 2u * s] = segment.y;
      z[record + 3u + 2u * s] = segment.z;
    }
    for (var r = (lane + lanes - shared_out % lanes) % lanes; r < segment.z; r += lanes) {
      var sum = vec4<f32>();
      let a = segment.x + r * site.width;
      for (var k = 0u; k < site.width; k++) {
        sum += A[a + k] * input(t, k);
      }
      z[to + r] = bitcast<u32>(bitcast<f32>(segment.w) * dot(sum, vec4(1.0)));
    }
    to += segment.z;
    shared_out += segment.z;
  }
  return shared_out;
}
