// Prelude of tile/lanes.wgsl: sums over the LANES neighbours of a tile within subgroups, then over the subgroups of a tile through
// workgroup memory: one barrier. The size of a subgroup is read at run time and may be 1 to 128; one prelude more
// (subgroup-native.wgsl, or in tests an emulated size) gives subgroup_lanes and exchange. It takes for granted that a subgroup is a
// run of neighbours, which no specification promises: model/forward.ts compares the result with team-workgroup's before it is used.
// Masks go up to LANES whatever the size, so that control flow is uniform; what an exchange beyond the subgroup gives is not used.
fn team_sum(local: u32, lane: u32, y: vec4<f32>, squares: f32) -> TeamSum {
  let width = min(LANES, subgroup_lanes(local));
  var sum = y;
  var share = squares;
  for (var mask = 1u; mask < LANES; mask *= 2u) {
    let other = exchange(sum, local, mask);
    let theirs = exchange(vec4(share, 0.0, 0.0, 0.0), local, mask).x;
    if (mask < width) {
      sum += other;
      share += theirs;
    }
  }
  partial[local] = sum;
  shares[local] = share;
  workgroupBarrier();
  for (var next = width; next < LANES; next += width) {
    sum += partial[local - lane + next];
    share += shares[local - lane + next];
  }
  return TeamSum(sum, share);
}
