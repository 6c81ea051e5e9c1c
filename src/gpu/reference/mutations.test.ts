// What one wrong rule costs: each mutation of the f64 forward pass against PyTorch's logits, in units of the bound that the
// right one keeps (1e-3 · std of the logits). A rule whose breaking stays near the bound would be a rule no test sees.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { folderFiles, folderVectors } from '../folders.testing.ts'
import { memorySource } from '../formats/bytes.testing.ts'
import { readGguf } from '../formats/gguf.ts'
import { modelSource } from '../formats/model-source.ts'
import { permuteRows, unpermuteRows } from '../formats/permute.ts'
import type { ByteSource } from '../types.ts'
import { maxDifference, type TinyVector, vectorFloats, vectorJson, vectorsFolder } from '../vectors.testing.ts'
import { loadReference, type ReferenceModel, referenceLogits } from './forward.ts'
import { matrixRow } from './matmul.ts'

type Change = (model: ReferenceModel) => ReferenceModel
type Layers = ReferenceModel['layers']

const withConfig =
  (change: (config: ReferenceModel['config']) => Partial<ReferenceModel['config']>): Change =>
  (model) => ({ ...model, config: { ...model.config, ...change(model.config) } })
const withLayers =
  (change: (layer: Layers[number], model: ReferenceModel) => Partial<Layers[number]>): Change =>
  (model) => ({ ...model, layers: model.layers.map((layer) => ({ ...layer, ...change(layer, model) })) })
const withMatrix = (name: 'q_proj' | 'k_proj', move: (rows: Uint8Array, heads: number, headDim: number) => Uint8Array): Change =>
  withLayers(({ matrices }, { config }) => {
    const heads = name === 'q_proj' ? config.heads : config.kvHeads
    return { matrices: { ...matrices, [name]: { ...matrices[name], bytes: move(matrices[name].bytes, heads, config.headDim) } } }
  })
const both =
  (one: Change, other: Change): Change =>
  (model) =>
    other(one(model))

/** Key-value heads dealt out in turn (h mod kvHeads) instead of in groups: the heads of q and o in another order. */
const wrongGroups: Change = withLayers(({ matrices }, { config }) => {
  const { heads, kvHeads, headDim } = config
  const perGroup = heads / kvHeads
  // Head h is put where its right key-value head is h mod kvHeads.
  const place = Array.from({ length: heads }, (_, h) => (h % kvHeads) * perGroup + Math.floor(h / kvHeads))
  const { q_proj, o_proj } = matrices
  const rowBytes = q_proj.bytes.length / (heads * headDim)
  const rows = new Uint8Array(q_proj.bytes.length)
  const columns = new Float32Array(o_proj.outputs * heads * headDim)
  place.forEach((to, h) => {
    rows.set(q_proj.bytes.subarray(h * headDim * rowBytes, (h + 1) * headDim * rowBytes), to * headDim * rowBytes)
    for (let row = 0; row < o_proj.outputs; row++) {
      const from = matrixRow(o_proj, row).subarray(h * headDim, (h + 1) * headDim)
      columns.set(from, row * heads * headDim + to * headDim)
    }
  })
  const moved = { ...o_proj, type: 'F32' as const, bytes: new Uint8Array(columns.buffer) }
  return { matrices: { ...matrices, q_proj: { ...q_proj, bytes: rows }, o_proj: moved } }
})

const noScaling: Change = both(
  withConfig(() => ({ ropeScaling: null })),
  (model) => ({ ...model, ropeDivisors: null }),
)
const window = (change: (window: number) => number | null) =>
  withConfig(({ slidingWindow }) => ({ slidingWindow: change(slidingWindow as number) }))
const noBias = withLayers(({ biases }) => ({ biases: biases.map((bias) => bias.map(() => 0)) }))
const noKeyBias = withLayers(({ biases }) => ({ biases: biases.map((bias, part) => (part === 1 ? bias.map(() => 0) : bias)) }))
const swappedNorms = withLayers(({ gains: [q, k] }) => ({ gains: [k, q] }))
const unitNorms = withLayers(({ gains }) => ({ gains: gains.map((gain) => gain.map(() => 1)) }))
const noNorms = withLayers(() => ({ gains: [] }))
const permuted = both(withMatrix('q_proj', permuteRows), withMatrix('k_proj', permuteRows))
const unpermuted = both(withMatrix('q_proj', unpermuteRows), withMatrix('k_proj', unpermuteRows))
const otherBase = withConfig(({ ropeBase }) => ({ ropeBase: ropeBase === 10000 ? 100000 : 10000 }))

const table: [file: string, mutation: string, change: Change][] = [
  ['tiny/llama-scaled-rope-f32.gguf', 'rope_freqs dropped', noScaling],
  ['tiny/llama-scaled-rope-f32.gguf', 'q and k left permuted', permuted],
  ['tiny/llama-scaled-rope-f32.gguf', 'q left permuted', withMatrix('q_proj', permuteRows)],
  ['tiny/llama-scaled-rope-f32.gguf', 'head h reads kv head h mod kvHeads', wrongGroups],
  ['tiny/llama-scaled-rope-f32.gguf', 'another rope base', otherBase],
  ['tiny/mistral-window24-q8_0.gguf', 'window ignored', window(() => null)],
  ['tiny/mistral-window24-q8_0.gguf', 'window one less', window((size) => size - 1)],
  ['tiny/mistral-window24-q8_0.gguf', 'window one more', window((size) => size + 1)],
  ['tiny/qwen2-bias-q4_1.gguf', 'no bias', noBias],
  ['tiny/qwen2-bias-q4_1.gguf', 'no bias of k', noKeyBias],
  ['tiny/qwen2-bias-q4_1.gguf', 'q and k unpermuted though plain', unpermuted],
  ['tiny/qwen3-norm-q6_k.gguf', 'norms of q and k swapped', swappedNorms],
  ['tiny/qwen3-norm-q6_k.gguf', 'their gains ignored', unitNorms],
  ['tiny/qwen3-norm-q6_k.gguf', 'no norms of q and k', noNorms],
  ['tiny/qwen3-norm-q6_k.gguf', 'head h reads kv head h mod kvHeads', wrongGroups],
  ['folders/llama-rope3-sharded-f32', 'llama3 scaling dropped', noScaling],
  ['folders/llama-rope3-sharded-f32', 'q and k left as GGUF has them', permuted],
  ['folders/llama-linear-tied-bf16', 'linear scaling dropped', noScaling],
  ['folders/mistral-window24-f16', 'window ignored', window(() => null)],
  ['folders/mistral-window24-f16', 'head h reads kv head h mod kvHeads', wrongGroups],
  ['folders/qwen2-yarn-bf16', 'YaRN dropped', noScaling],
  ['folders/qwen2-yarn-bf16', 'YaRN without its amplitude', withConfig(() => ({ ropeScaling: null }))],
  ['folders/qwen2-yarn-bf16', 'no bias', noBias],
  ['folders/qwen3-norm-f16', 'norms of q and k swapped', swappedNorms],
]

const { files } = vectorJson<{ files: TinyVector[] }>('tiny', 'manifest.json')

/** The model, and its longest case. */
async function open(path: string): Promise<{ model: ReferenceModel; tokens: number[]; want: Float32Array }> {
  const [kind, name] = path.split('/')
  const { cases } = kind === 'tiny' ? files.find(({ file }) => file === name)! : folderVectors.find(({ folder }) => folder === name)!
  const source: ByteSource = kind === 'tiny' ? memorySource(readFileSync(join(vectorsFolder, path))) : await modelSource(folderFiles(name))
  const { tokens, logits } = cases[2]
  return { model: await loadReference(await readGguf(source), source), tokens, want: vectorFloats(kind, logits) }
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)
}

describe('one wrong rule', () => {
  const rows: string[] = []
  afterAll(() => {
    process.stdout.write(`\n| model | one wrong rule | max abs difference | times the bound |\n|---|---|---|---|\n${rows.join('\n')}\n`)
  })

  it.each([...new Set(table.map(([file]) => file))])('%s', async (file) => {
    const { model, tokens, want } = await open(file)
    const std = deviation(want)
    expect(std).toBeGreaterThanOrEqual(2)
    const times = (changed: ReferenceModel) => maxDifference(referenceLogits(changed, tokens)[0], want) / (1e-3 * std)
    const right = times(model)
    expect(right).toBeLessThan(1)
    rows.push(`| ${file} | none | ${(right * 1e-3 * std).toExponential(1)} | ${right.toFixed(3)} |`)
    for (const [of, mutation, change] of table) {
      if (of !== file) continue
      const wrong = times(change(model))
      rows.push(`| ${file} | ${mutation} | ${(wrong * 1e-3 * std).toFixed(2)} | ${Math.round(wrong)} |`)
      expect(wrong, mutation).toBeGreaterThan(100)
    }
  })
})
