// The self-test of what draws a token, and of what judges one that is said to have been drawn: arg max, the draw, a replay's claim,
// penalties and log probabilities, over the logits that the self-test's last pass left on the device, at the model's own vocabulary and
// by the engine's own pipelines, against f64.
// Not the passes (self-test.ts). What the CPU draws here anyway is not looked at.
// Cost: a few readings of the logits, and some passes over them on the CPU.
import { type Draw, type Drawn, drawToken, greedy } from './model/draw.ts'
import { Sampler, type SamplerSettings } from './model/sampler.ts'
import { changedLogits } from './reference/sampling.ts'
import { claimsOnDevice } from './replay-reading.ts'
import { f32Tolerance, judgeToken, type TokenClaim } from './replay-rule.ts'
import type { SelfTestParts } from './self-test.ts'
import { Comparison, type Finding } from './self-test-findings.ts'

const kernels = { largest: 'argmax', draw: 'sample', penalties: 'penalise', told: 'logprobs', claim: 'replay-claim' } as const

/** Whether it draws or judges: then the CPU can do it instead, on any device. */
export function draws(kernel: string): boolean {
  return Object.values(kernels).some((name) => name === kernel)
}

/** What f32 sums over a vocabulary may differ by from f64 ones: in a logit, and in a share of the mass. */
const rounding = { logit: 1e-5, mass: 1e-4 }
/** Each cut alone, then all, at different places of [0, 1). Temperatures in deviations of the logits: no token outweighs the others. */
const sampled: readonly SamplerSettings[] = [
  { temperature: 0.8, topK: 40, seed: 1 },
  { temperature: 1.1, topP: 0.9, seed: 2 },
  { temperature: 0.9, minP: 0.02, seed: 3 },
  { temperature: 0.7, topK: 50, topP: 0.8, minP: 0.01, seed: 4 },
]

export async function drawTest(parts: SelfTestParts): Promise<Finding[]> {
  const { chooser, forward, reading, recorder, scratch, config } = parts
  const compare = new Comparison()
  if (chooser.drawer === 'cpu') return []
  const read = async () => new Float32Array(await recorder.read(scratch.logits, 4 * config.vocab))
  const own = await read()
  const draw = async (wish: Draw): Promise<Drawn> => {
    const choice = await chooser.stage([wish])
    if (choice.work.length > 0) recorder.submit(choice.work, { rows: 1, picks: 1 })
    const { results } = await choice.collect()
    return (await results)[0] as Drawn
  }
  const wide = forward.decodeVariant === 'lanes'
  const tells = (logits: Float32Array, { id, logprobs }: Drawn, wish: Draw) => {
    const expected = drawToken(Float32Array.from(logits), { ...wish, temperature: 0, edits: null }).logprobs!
    const sum = logits[drawToken(Float32Array.from(logits), greedy).id] - expected.own
    compare.one(kernels.told, logprobs!.own, logits[id] - sum)
    for (const [rank, { id: likely, logprob }] of expected.top.entries()) {
      compare.one(kernels.told, logprobs!.top[rank]?.id === likely ? 1 : 0, 1)
      compare.one(kernels.told, logprobs!.top[rank]?.logprob ?? Number.NaN, logprob)
    }
  }

  const plain: Draw = { ...greedy, logprobs: wide ? 5 : 0 }
  const likeliest = await draw(plain)
  compare.one(kernels.largest, likeliest.id === drawToken(Float32Array.from(own), greedy).id ? 1 : 0, 1)
  tells(own, likeliest, plain)
  // Where barriers are dear the CPU does the rest.
  if (!wide) return compare.findings()

  /** The device may leave what the rule accepts to the CPU, but not what was drawn. */
  const claims = async (draw: Draw, claim: TokenClaim, drawn: boolean) => {
    const expected = judgeToken(own, claim, draw, f32Tolerance)
    const { work, read } = await claimsOnDevice(reading, [{ id: claim.id, draw: { ...draw, uniform: claim.uniform } }], f32Tolerance)
    recorder.submit(work, { rows: 1, picks: 1 })
    const [{ finding }] = await read()
    const right = finding.rank === expected.rank && (finding.fits ? expected.fits : !drawn)
    compare.one(kernels.claim, right ? 1 : 0, 1)
    compare.one(kernels.claim, finding.gap, expected.gap)
  }

  const mean = own.reduce((sum, logit) => sum + logit, 0) / own.length
  const deviation = Math.sqrt(own.reduce((sum, logit) => sum + (logit - mean) ** 2, 0) / own.length) || 1
  for (const settings of sampled) {
    const rule = { ...settings, temperature: settings.temperature * deviation }
    const wish = new Sampler(rule).draw()
    const { id } = await draw(wish)
    compare.one(kernels.draw, judgeToken(own, { id, uniform: wish.uniform }, rule, rounding).fits ? 1 : 0, 1)
    await claims(wish, { id, uniform: wish.uniform }, true)
    await claims(wish, { id: likeliest.id, uniform: 0.999 }, false)
  }

  const [prompt, answer] = [
    Array.from({ length: 40 }, (_, i) => Math.floor((i * (config.vocab - 1)) / 39)),
    [likeliest.id, 0, likeliest.id],
  ]
  const changes = { repetitionPenalty: 1.3, presencePenalty: 0.7, frequencyPenalty: 0.4, logitBias: { 0: 3, [config.vocab - 1]: -20 } }
  const rule = { bias: changes.logitBias, repetition: 1.3, presence: 0.7, frequency: 0.4 }
  const expected = changedLogits(own, rule, prompt, answer)
  const sampler = new Sampler({ temperature: 0, logprobs: 3, ...changes }, prompt)
  for (const id of answer) await sampler.push(id)
  const penalised = sampler.draw()
  // The model's own log probabilities, whatever was changed: its logits are put back for them.
  tells(own, await draw(penalised), penalised)
  const restored = await read()
  await draw({ ...penalised, logprobs: null })
  const changed = await read()
  for (const id of new Set([...prompt, ...answer, 1])) {
    compare.one(kernels.told, restored[id], own[id])
    compare.one(kernels.penalties, changed[id], expected[id])
  }
  return compare.findings()
}
