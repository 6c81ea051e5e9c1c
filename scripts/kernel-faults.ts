// Faults for mutate-kernels.ts: each changes one place of a shader or of the code around it to something that runs and is wrong,
// and names the test that must notice. `from` stands exactly once in its file; one that does not is reported as stale.
// Not a list of known bugs: none of these is in the tree.

export interface Fault {
  file: string
  /** What is then wrong. */
  what: string
  from: string
  to: string
  /** A test file, and part of the full name of the test that must turn red. */
  test: { file: string; name: string }
}

/** `test` is the test file under src/gpu without its ending, a colon, and part of the test's name. */
type Row = [file: string, what: string, from: string, to: string, test: string]

const inFolder = (folder: string, rows: readonly Row[]): Fault[] =>
  rows.map(([file, what, from, to, test]) => {
    const [name, ...words] = test.split(': ')
    return { file: `${folder}/${file}`, what, from, to, test: { file: `src/gpu/${name}.test.ts`, name: words.join(': ') } }
  })

const kernels: Row[] = [
  [
    'weights/q4.wgsl',
    'a nibble loses its top bit',
    'vec4<f32>(w & vec4(0xf0000)),',
    'vec4<f32>(w & vec4(0x70000)),',
    'kernels/embed.gpu: Q4_1, 32 wide',
  ],
  [
    'weights/q4.wgsl',
    'the fourth row takes the third’s scale',
    'vec4(a.x, b.x, c.x, d.x)',
    'vec4(a.x, b.x, c.x, c.x)',
    'kernels/project-residual.gpu: Q4_1 in every tile variant',
  ],
  [
    'weights/q4.wgsl',
    'the topmost nibble is read as signed',
    'vec4<f32>(u & vec4(0xf0000000u))',
    'vec4<f32>(w & vec4(bitcast<i32>(0xf0000000u)))',
    'kernels/embed.gpu: Q4_0, 96 wide',
  ],
  [
    'weights/q4s.wgsl',
    'quants are read one word early',
    'let u = W[at + 2u + j];',
    'let u = W[at + 1u + j];',
    'kernels/embed.gpu: Q4_K, 256 wide',
  ],
  [
    'weights/q4s.wgsl',
    'the shift is the scale',
    'bitcast<vec4<f32>>(W[at + 1u])',
    'bitcast<vec4<f32>>(W[at])',
    'kernels/embed.gpu: Q4_K, 256 wide',
  ],
  ['weights/q5.wgsl', 'the fifth bit counts 8', '<< vec4(4u)', '<< vec4(3u)', 'kernels/embed.gpu: Q5_0, 96 wide'],
  [
    'weights/q5.wgsl',
    'upper bits of the second half are off by one',
    'let high = low >> vec4(16u);',
    'let high = low >> vec4(15u);',
    'kernels/embed.gpu: Q5_1, 64 wide',
  ],
  ['weights/q6.wgsl', 'zero lies at 31', '- vec4(32.0)', '- vec4(31.0)', 'kernels/embed.gpu: Q6_K, 256 wide'],
  [
    'weights/q6.wgsl',
    'one scale serves both halves',
    'let b = bitcast<vec4<f32>>(W[at + 1u]);',
    'let b = bitcast<vec4<f32>>(W[at]);',
    'kernels/embed.gpu: Q6_K, 256 wide',
  ],
  ['weights/q8.wgsl', 'the second byte’s bias is halved', '- vec4(0x1p15)', '- vec4(0x1p14)', 'kernels/embed.gpu: Q8_0, 64 wide'],
  ['weights/q8.wgsl', 'the second half begins a word early', 'W[at + 5u + j]', 'W[at + 4u + j]', 'kernels/embed.gpu: Q8_0, 64 wide'],
  [
    'weights/f16.wgsl',
    'a word of the second half is read twice',
    'halves(W[k + 8u], W[k + 9u])',
    'halves(W[k + 8u], W[k + 8u])',
    'kernels/embed.gpu: F16, 60 wide',
  ],
  [
    'weights/bf16.wgsl',
    'a bfloat lands one bit low',
    'bitcast<vec4<f32>>(a << vec4(16u))',
    'bitcast<vec4<f32>>(a << vec4(15u))',
    'kernels/embed.gpu: BF16, 133 wide',
  ],
  ['embed.wgsl', 'the row within a tile is wrong', 'let lane = token % 4u;', 'let lane = token % 3u;', 'kernels/embed.gpu: F32, 7 wide'],
  [
    'embed.wgsl',
    'a sum of squares leaves columns out',
    'next[to] = squares.x + squares.y;',
    'next[to] = squares.x;',
    'kernels/embed.gpu: Q5_0, 96 wide',
  ],
  [
    'project-qkv.wgsl',
    'RoPE turns the other way',
    'y.x * a.x - y.z * a.y',
    'y.x * a.x + y.z * a.y',
    'kernels/project-qkv.gpu: 5 heads on 1 of 12',
  ],
  [
    'project-qkv.wgsl',
    'v is appended at the position, not at its place',
    'let to = row.place * 2u * kv_dim + kv_dim + r;',
    'let to = row.position * 2u * kv_dim + kv_dim + r;',
    'kernels/project-qkv.gpu: 9 heads on 3 of 64',
  ],
  [
    'project-qkv.wgsl',
    'the first key head is taken for a query',
    'let is_key = head >= HEADS;',
    'let is_key = head > HEADS;',
    'kernels/project-qkv.gpu: 3 heads on 1 of 16',
  ],
  [
    'project-residual.wgsl',
    'the residual is forgotten',
    'let y = h[at] + sums;',
    'let y = sums;',
    'kernels/project-residual.gpu: Q8_0 in every tile variant',
  ],
  [
    'project-residual.wgsl',
    'squares are taken after the gain',
    'return dot(y, y);',
    'return dot(x, x);',
    'kernels/project-residual.gpu: Q4_0 in every tile variant',
  ],
  [
    'project-swiglu.wgsl',
    'silu with the wrong sign',
    '(1.0 + exp(-a))',
    '(1.0 + exp(a))',
    'kernels/project-swiglu.gpu: 64 wide, 1 tokens, lanes',
  ],
  [
    'project-swiglu.wgsl',
    'the last column of an even width is not written',
    'if (r + 1u < FFN)',
    'if (r + 2u < FFN)',
    'kernels/project-swiglu.gpu: 64 wide, 1 tokens, lanes',
  ],
  [
    'project-logits.wgsl',
    'logits of the first rows, not of the picked',
    'return picks[token];',
    'return token;',
    'kernels/project-logits.gpu: vocabulary of 64, 3 picks',
  ],
  [
    'project-logits.wgsl',
    'the last logit is not written',
    'if (r + 3u < VOCAB)',
    'if (r + 4u < VOCAB)',
    'kernels/project-logits.gpu: vocabulary of 64, 3 picks',
  ],
  ['head-norm.wgsl', 'keys take the gains of queries', 'let g = HEAD_DIM + i;', 'let g = i;', 'kernels/head-norm.gpu: 8 heads on 2 of 32'],
  [
    'head-norm.wgsl',
    'queries turn the other way',
    'q[at + i] = a * angle.x - b * angle.y;',
    'q[at + i] = a * angle.x + b * angle.y;',
    'kernels/head-norm.gpu: 5 heads on 1 of 12',
  ],
  ['row-reduce.wgsl', 'a tie goes to the highest id', 'id < owner[local]', 'id > owner[local]', 'kernels/argmax.gpu: vocabulary of 1000'],
  [
    'row-reduce.wgsl',
    'the first id is not looked at',
    'for (var id = local; id < VOCAB',
    'for (var id = local + 1u; id < VOCAB',
    'kernels/argmax.gpu: vocabulary of 7',
  ],
  [
    'logprobs.wgsl',
    'what penalties changed stays changed',
    'edit.w >> 1u == pick',
    'edit.w >> 1u != pick',
    'kernels/logprobs.gpu: of the model itself',
  ],
  ['logprobs.wgsl', 'one of two equals is told twice', 'id > last_id', 'id >= last_id', 'kernels/logprobs.gpu: of a vocabulary of 133'],
  [
    'logprobs.wgsl',
    'small weights are added one by one to a large sum',
    'part += exp(',
    'sum += exp(',
    'kernels/logprobs.gpu: where one token outweighs',
  ],
  ['attention.wgsl', 'what was summed is not rescaled', 'y *= kept;', 'y *= 1.0;', 'kernels/attention.gpu: heads: 9'],
  [
    'attention.wgsl',
    'query heads share the wrong key heads',
    'let kv_head = head * KV_HEADS / HEADS * HEAD_VEC;',
    'let kv_head = head % KV_HEADS * HEAD_VEC;',
    'kernels/attention.gpu: heads: 6',
  ],
  [
    'attention.wgsl',
    'the window is one key short',
    'let start = last - min(last, WINDOW);',
    'let start = last - min(last, WINDOW - 1u);',
    'kernels/attention.gpu: heads: 6',
  ],
  ['attention-thread.wgsl', 'the sum of weights is not rescaled', 'sum *= kept;', 'sum *= 1.0;', 'kernels/attention.gpu: heads: 9'],
  [
    'attention-thread.wgsl',
    'a column of v is taken twice',
    'y3 += p * kv_at(v + p3);',
    'y3 += p * kv_at(v + p2);',
    'kernels/attention.gpu: heads: 9',
  ],
  [
    'attention-join.wgsl',
    'parts are joined with the wrong weights',
    'sum += kept * state.y;',
    'sum += state.y;',
    'kernels/attention.gpu: heads: 9',
  ],
  [
    'tile/shared.wgsl',
    'the norm’s mean is a sum',
    'sqrt(squares / f32(NORM_WIDTH) + EPSILON)',
    'sqrt(squares + EPSILON)',
    'kernels/project-qkv.gpu: 2 heads on 2 of 4',
  ],
  [
    'tile/thread-1.wgsl',
    'the second half of a block meets the wrong columns',
    'let high0 = X[x0 + column + 4u];',
    'let high0 = X[x0 + column + 3u];',
    'kernels/project-residual.gpu: Q4_1, 32 → 1, 1 tokens',
  ],
  [
    'tile/thread-4.wgsl',
    'the fourth token is the third',
    'first + 3u, last)',
    'first + 2u, last)',
    'kernels/project-residual.gpu: Q4_1, 96 → 64, 133 tokens',
  ],
  [
    'tile/thread-4.wgsl',
    'a tile takes its neighbour’s products',
    'y3d += td.scale * p3d;',
    'y3d += td.scale * p3c;',
    'kernels/project-residual.gpu: Q4_1, 96 → 64, 133 tokens',
  ],
  [
    'tile/lanes.wgsl',
    'every second block is skipped',
    'b < BLOCKS; b += LANES',
    'b < BLOCKS; b += 2u * LANES',
    'kernels/project-residual.gpu: Q4_1, 2080 → 7, 7 tokens',
  ],
  [
    'tile/lanes.wgsl',
    'the shift meets a quarter of Σx',
    'block.shift * dot(s, vec4(1.0))',
    'block.shift * s.x',
    'kernels/project-residual.gpu: Q4_1 in every tile variant',
  ],
  [
    'lora-shrink-row.wgsl',
    'the adapter is applied to the unscaled norm',
    'bitcast<f32>(segment.w) * scale * dot(sum',
    'bitcast<f32>(segment.w) * dot(sum',
    'lora/mixes.gpu: rank 16 alone',
  ],
  [
    'lora-shrink-row.wgsl',
    'the third row of four takes the second’s input',
    'sum2 += weight * input(t + 2u, k);',
    'sum2 += weight * input(t + 1u, k);',
    'lora/mixes.gpu: rank 16 alone',
  ],
  [
    'tile/lora-expand.wgsl',
    'two rows of B are one',
    'let second = b + rows.z / 2u * rank;',
    'let second = b + rows.x / 2u * rank;',
    'lora/mixes.gpu: rank 4 alone',
  ],
  [
    'penalise.wgsl',
    'the presence penalty is forgotten',
    'settings[pick].frequency + settings[pick].presence',
    'settings[pick].frequency',
    'kernels/sample.gpu: after penalties',
  ],
  [
    'replay-claim.wgsl',
    'a cut is surer than the rule’s',
    'let surely = cuts.x + claim.slack;',
    'let surely = cuts.x + 9.0 * claim.slack;',
    'kernels/replay-claim.gpu: of a vocabulary of 133',
  ],
  [
    'replay-claim.wgsl',
    'higher ids lie below',
    'vec4(kept, 0.0, 0.0), id < claim.id)',
    'vec4(kept, 0.0, 0.0), id > claim.id)',
    'kernels/replay-claim.gpu: of a vocabulary of 133',
  ],
  ['sample.wgsl', 'the mask’s bits are off', '>> (id % 32u)', '>> (id % 31u)', 'kernels/sample.gpu: draws what a row’s mask allows'],
  [
    'sample.wgsl',
    'top-p is taken of one, not of what is kept',
    'row.top_p * mass(least)',
    'row.top_p',
    'kernels/sample.gpu: of a vocabulary of',
  ],
]

const host: Row[] = [
  [
    'formats/half.ts',
    'the largest half becomes infinite',
    'magnitude >= 0x477ff000',
    'magnitude >= 0x477fe000',
    'formats/half: gives every finite pattern back',
  ],
  [
    'formats/half.ts',
    'ties of a bfloat go up',
    '(bits + 0x7fff + ((bits >>> 16) & 1))',
    '(bits + 0x8000)',
    'formats/half: is the upper half of an f32',
  ],
  ['formats/quant.ts', 'a K minimum loses its upper bits', ' | ((byte(part) >> 6) << 4)', '', 'formats/quant: reads a K block'],
  [
    'formats/quant.ts',
    'both halves of a Q6_K part share a scale',
    'view.getInt8(at + 193 + 2 * part)',
    'view.getInt8(at + 192 + 2 * part)',
    'formats/quant: reads a K block',
  ],
  [
    'formats/permute.ts',
    'the halves of a head change places',
    '(head * headDim + 2 * i + j)',
    '(head * headDim + 2 * i + 1 - j)',
    'formats/permute: brings the pairs',
  ],
  [
    'model/pack.ts',
    'the implied zero of Q4_0 is 7',
    'floatToHalf(-8 * halfToFloat(d))',
    'floatToHalf(-7 * halfToFloat(d))',
    'model/pack: Q4_0',
  ],
  ['model/pack.ts', 'a byte too many is biased', '^ 0x808080', '^ 0x80808080', 'model/pack: Q8_0'],
  [
    'model/weights.ts',
    'q and k stay interleaved',
    'permutedQk ? 2 * pair + side : side * half + pair',
    'side * half + pair',
    'kernels/project-qkv.gpu: 3 heads on 1 of 16',
  ],
  [
    'model/rope-table.ts',
    'the file’s RoPE scaling is dropped',
    ' / (divisors?.[i] ?? 1)\n    for',
    '\n    for',
    'parity.gpu: llama-scaled-rope-f32',
  ],
  [
    'model/kv-cache.ts',
    'another adapter’s cache is taken up',
    'if (known.adapter !== adapter) continue',
    '',
    'model/kv-cache: resumes what shares tokens and adapter',
  ],
  [
    'model/kv-cache.ts',
    'nothing is left to be fed',
    'tokens.slice(0, -1)',
    'tokens',
    'model/kv-cache: resumes what shares tokens and adapter',
  ],
  [
    'model/kv-cache.ts',
    'a page that is still read is given back',
    'sequence.pages.splice(Math.ceil(sequence.tokens.length / pageTokens))',
    'sequence.pages.splice(Math.floor(sequence.tokens.length / pageTokens))',
    'model/kv-cache: never gives a page to two sequences',
  ],
  [
    'stop-filter.ts',
    'the end of a stop string is let through',
    'stop.length - 1',
    'stop.length - 2',
    'stop-filter: ends at whichever stop string comes first',
  ],
  [
    'lora/extents.ts',
    'joined ranges lose their length',
    'range.length += next.length',
    'range.length = next.length',
    'lora/extents: never gives a unit twice',
  ],
  ['turns.ts', 'turns are not waited for', 'this.#last.then(work)', 'Promise.resolve().then(work)', 'turns: never overlaps'],
]

export const faults: readonly Fault[] = [...inFolder('src/gpu/kernels', kernels), ...inFolder('src/gpu', host)]
