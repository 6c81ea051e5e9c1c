// Prelude of tile/lanes.wgsl: sums over the LANES neighbours of a tile through workgroup memory, one barrier for each halving.
fn team_sum(local: u32, lane: u32, y: vec4<f32>, squares: f32) -> TeamSum {
  partial[local] = y;
  shares[local] = squares;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) {
      partial[local] += partial[local + half];
      shares[local] += shares[local + half];
    }
  }
  return TeamSum(partial[local], shares[local]);
}
