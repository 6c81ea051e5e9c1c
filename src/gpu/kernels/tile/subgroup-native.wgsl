enable subgroups;
// Prelude of tile/team-subgroup.wgsl where the device has `subgroups`. First of all texts, for its `enable`.
fn subgroup_lanes(local: u32) -> u32 {
  return subgroupAdd(1u);
}

fn exchange(x: vec4<f32>, local: u32, mask: u32) -> vec4<f32> {
  return subgroupShuffleXor(x, mask);
}
