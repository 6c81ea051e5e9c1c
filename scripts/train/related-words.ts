// Writes src/attribution/retrieval/related-words.json: `node scripts/run.mjs scripts/train/related-words.ts --model GGUF`.
// Which words of a question may be answered by which others ("allow": permit, enable), read from the backbone's own table of
// token embeddings: no forward pass, no corpus and no list kept by hand. Not a dictionary: neighbours in that table are words of
// like use, and so are some opposites.
// Invariant: the same file gives the same words; only whole lower-case words that are one token of it take part.
// Source: J. Mu, P. Viswanath, "All-but-the-Top: Simple and Effective Postprocessing for Word Representations", 2018, for taking
// out the mean and the first directions.

import { writeFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { LEVELS } from '../../src/attribution/retrieval/related.ts'
import { isSilent, termOf } from '../../src/attribution/retrieval/words.ts'
import { OpenChatError } from '../../src/errors.ts'
import { readGguf } from '../../src/gpu/formats/gguf.ts'
import { dequantise, requireSupportedType } from '../../src/gpu/formats/quant.ts'

/** Least cosine of two related words; below it neighbours share a field, not a meaning. */
const LEAST = 0.3
/** Neighbours of a word that are kept, the nearest first. */
const MOST = 20
/** Directions taken out beside the mean: they tell frequent words from rare ones. */
const DIRECTIONS = 3
const ROUNDS = 20
/** A word that begins after a space, as a byte-level BPE writes it. */
const WORD = /^Ġ([a-z]{3,})$/u

/** The unit rows of distinct search terms, f32 [terms, width]: a term's row is the mean of its words' unit rows. */
async function readTerms(path: string): Promise<{ terms: string[]; rows: Float32Array; width: number }> {
  const file = await open(path)
  try {
    const read = async (offset: number, length: number) =>
      new Uint8Array((await file.read(new Uint8Array(length), 0, length, offset)).buffer)
    const gguf = await readGguf({ bytes: (await file.stat()).size, read })
    const table = gguf.tensors.get('token_embd.weight')
    if (table === undefined) throw new OpenChatError('gguf_invalid', 'The model has no table of token embeddings.', { meta: { path } })
    const [width = 0, count = 0] = table.shape
    const all = dequantise(requireSupportedType(table), await read(table.offset, table.bytes), new Float32Array(width * count))
    const tokens = gguf.metadata.get('tokenizer.ggml.tokens') as string[]
    const words = tokens.flatMap((token, id) => {
      const word = WORD.exec(token)?.[1]
      return word === undefined || isSilent(word) ? [] : [{ id, term: termOf(word) }]
    })
    // In the order of the tokens, which is about that of their frequency in the text that the tokeniser was made from.
    const terms = [...new Set(words.map(({ term }) => term))].filter((term) => term.length > 2)
    const place = new Map(terms.map((term, i) => [term, i]))
    const rows = new Float32Array(terms.length * width)
    for (const { id, term } of words) {
      const at = place.get(term)
      if (at === undefined) continue
      const row = all.subarray(id * width, (id + 1) * width)
      const length = Math.hypot(...row)
      for (let d = 0; d < width; d++) rows[at * width + d] += row[d] / length
    }
    return { terms, rows, width }
  } finally {
    await file.close()
  }
}

function scaleRows(rows: Float32Array, width: number): void {
  for (let at = 0; at < rows.length; at += width) {
    const row = rows.subarray(at, at + width)
    const length = Math.hypot(...row) || 1
    for (let d = 0; d < width; d++) row[d] /= length
  }
}

/** Takes the direction out of every row: `center` subtracts it, otherwise each row loses its own part along it. */
function takeOut(rows: Float32Array, width: number, direction: Float64Array, center: boolean): void {
  for (let at = 0; at < rows.length; at += width) {
    let part = 1
    if (!center) {
      part = 0
      for (let d = 0; d < width; d++) part += rows[at + d] * direction[d]
    }
    for (let d = 0; d < width; d++) rows[at + d] -= part * direction[d]
  }
}

/** The direction along which the rows differ most, by power iteration from a fixed start. */
function mainDirection(rows: Float32Array, width: number): Float64Array {
  let direction = Float64Array.from({ length: width }, (_, d) => Math.sin(d + 1))
  for (let round = 0; round < ROUNDS; round++) {
    const next = new Float64Array(width)
    for (let at = 0; at < rows.length; at += width) {
      let part = 0
      for (let d = 0; d < width; d++) part += rows[at + d] * direction[d]
      for (let d = 0; d < width; d++) next[d] += part * rows[at + d]
    }
    const length = Math.hypot(...next) || 1
    direction = next.map((value) => value / length)
  }
  return direction
}

function clean(rows: Float32Array, width: number): void {
  scaleRows(rows, width)
  const mean = new Float64Array(width)
  for (let i = 0; i < rows.length; i++) mean[i % width] += rows[i]
  takeOut(
    rows,
    width,
    mean.map((sum) => sum / (rows.length / width)),
    true,
  )
  for (let n = 0; n < DIRECTIONS; n++) takeOut(rows, width, mainDirection(rows, width), false)
  scaleRows(rows, width)
}

/** Pairs [earlier, later, cosine] of the terms that are related, each kept by at least one of the two. */
function pairsOf(rows: Float32Array, width: number): [number, number, number][] {
  const count = rows.length / width
  const near = Array.from({ length: count }, (): [number, number][] => [])
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      let cosine = 0
      for (let d = 0, x = a * width, y = b * width; d < width; d++) cosine += rows[x + d] * rows[y + d]
      if (cosine < LEAST) continue
      near[a].push([b, cosine])
      near[b].push([a, cosine])
    }
  }
  const kept = new Map<number, [number, number, number]>()
  for (const [a, list] of near.entries()) {
    list.sort((x, y) => y[1] - x[1])
    for (const [b, cosine] of list.slice(0, MOST))
      kept.set(Math.min(a, b) * count + Math.max(a, b), [Math.min(a, b), Math.max(a, b), cosine])
  }
  return [...kept].sort(([x], [y]) => x - y).map(([, pair]) => pair)
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { model: { type: 'string' } } })
  if (values.model === undefined) throw new OpenChatError('usage', 'Expected --model GGUF, the file of the backbone.')
  const { terms, rows, width } = await readTerms(values.model)
  clean(rows, width)
  const pairs = pairsOf(rows, width)
  const lists = terms.map(() => '')
  for (const [a, b, cosine] of pairs) {
    const level = LEVELS[Math.min(LEVELS.length - 1, Math.floor(cosine * LEVELS.length))] as string
    lists[a] += (b - a).toString(36) + level
  }
  writeFileSync(
    resolve(import.meta.dirname, '../../src/attribution/retrieval/related-words.json'),
    `${JSON.stringify({ words: terms.join(' '), related: lists.join(' ') }, null, 2)}\n`,
  )
  console.log(`${terms.length} words, ${pairs.length} pairs.`)
}
