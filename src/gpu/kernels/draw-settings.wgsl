// Prelude: what one row asks of the sampler, as drawRows of sample.ts lays it out. [picks] of them; sample, penalise and logprobs
// each read their part.
struct Row {
  // 0: the arg max.
  inverse_temperature: f32,
  top_p: f32,
  // temperature · ln(min-p): how far beneath the largest logit the kept ones end; at least −40 temperatures.
  gap: f32,
  number: f32,
  top_k: u32,
  masked: u32,
  repetition_inverse: f32,
  repetition: f32,
  presence: f32,
  frequency: f32,
  // 0: no log probability is told; else one more than how many of the likeliest are, beside the drawn one.
  told: u32,
  unused: u32,
}
