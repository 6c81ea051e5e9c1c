// `node scripts/run.mjs bench/null-text.ts [--text FILE]…`: false credit and recall of the paid-span rule on *public speech*.
// Null text: the licences of the installed packages (people, another domain) and every text given with --text, such as the
// backbone's own off-topic answers. Planted text: pieces of addresses in null text, no retrieval. Everything counts as eligible,
// the worst case for false credit. Not a calibration: τ is a stated constant, and nothing here changes it.
import { readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { readIndexFolder } from '../scripts/trace-files.ts'
import { tokeniserOf } from '../scripts/trace-tokeniser.ts'
import { openIndex } from '../src/attribution/index/index.ts'
import { MAX_COUNT, MIN_LENGTH, TAU_Q16 } from '../src/attribution/parameters.ts'
import { matchSpans, type RawSpan, type SpanRules } from '../src/attribution/spans.ts'
import { mergeUnigrams, surprisalSums, unigramTable } from '../src/attribution/surprisal.ts'

const ANSWER_TOKENS = 458
const root = resolve(import.meta.dirname, '..')

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { text: { type: 'string', multiple: true, default: [] } } })
  const state = process.env.OPEN_CHAT_STATE ?? join(root, '.open-chat')
  const { digest } = JSON.parse(await readFile(join(state, 'datanets', 'public-speech.json'), 'utf8')) as { digest: string }
  const index = openIndex(await readIndexFolder(join(state, 'datanets', digest)))
  const tokeniser = await tokeniserOf(undefined, 2)
  const rules: SpanRules = { ...tokeniser.boundaries(), minLength: MIN_LENGTH, maxCount: MAX_COUNT }
  const counts = mergeUnigrams([unigramTable(index)])
  const say = (line: string) => process.stdout.write(`${line}\n`)
  const bitsOf = (tokens: number[], span: RawSpan) => {
    const sums = surprisalSums(tokens, counts)
    return (sums[span.start + span.length] - sums[span.start]) / 65_536
  }
  const paidIn = (tokens: number[]) =>
    matchSpans(tokens, [index], rules).filter((span) => !span.tooCommon && bitsOf(tokens, span) * 65_536 >= TAU_Q16)

  say(
    `public speech, ${counts.tokens} tokens; spans ≥ ${MIN_LENGTH} tokens, count ≤ ${MAX_COUNT}, τ = ${TAU_Q16 / 65_536} bits; all eligible`,
  )
  const licences = await licenceTexts()
  const nulls: [name: string, texts: string[]][] = [[`${licences.length} licences`, licences]]
  for (const path of values.text) nulls.push([path.split('/').at(-1) as string, [await readFile(path, 'utf8')]])
  say('\nnull text | tokens | matches ≥ 8 | paid spans | tokens paid | highest bits of a match ≥ 5')
  for (const [name, texts] of nulls) {
    const tokens = texts.map((text) => tokeniser.encode(text))
    const total = tokens.reduce((sum, { length }) => sum + length, 0)
    const matches = tokens.flatMap((text) => matchSpans(text, [index], rules).filter(({ tooCommon }) => !tooCommon))
    const paid = tokens.flatMap(paidIn)
    const short = tokens.flatMap((text) =>
      matchSpans(text, [index], { ...rules, minLength: 5 })
        .filter(({ tooCommon }) => !tooCommon)
        .map((span) => bitsOf(text, span)),
    )
    const share = (100 * paid.reduce((sum, { length }) => sum + length, 0)) / total
    say(`${name} | ${total} | ${matches.length} | ${paid.length} | ${share.toFixed(3)} % | ${Math.max(0, ...short).toFixed(1)}`)
  }

  const draw = random(7)
  const filler = licences.flatMap((text) => tokeniser.encode(text))
  say('\nplanted pieces, tokens | planted | found (IoU ≥ 0.5) | recall')
  for (const [least, most] of [
    [8, 9],
    [10, 15],
    [16, 31],
    [32, 64],
  ]) {
    let planted = 0
    let found = 0
    for (let answer = 0; answer < 150; answer++) {
      const { tokens, pieces } = plant(least, most)
      const spans = paidIn(tokens)
      planted += pieces.length
      found += pieces.filter((piece) => spans.some((span) => overlap(piece, span) >= 0.5)).length
    }
    say(`${least}–${most} | ${planted} | ${found} | ${(found / planted).toFixed(3)}`)
  }

  /** Null filler with pieces of `least` to `most` tokens that begin on a word and hold no inner delimiter. */
  function plant(least: number, most: number) {
    const tokens: number[] = []
    const pieces: { start: number; length: number }[] = []
    while (tokens.length < ANSWER_TOKENS) {
      const at = Math.floor(draw() * (filler.length - 40))
      tokens.push(...filler.slice(at, at + 10 + Math.floor(draw() * 30)))
      const document = index.tokensOf(Math.floor(draw() * index.documents))
      const start = Math.floor(draw() * (document.length - most - 1))
      const length = least + Math.floor(draw() * (most - least + 1))
      const piece = Array.from(document.subarray(start, start + length))
      const words = rules.wordStart as Uint8Array
      const whole = words[piece[0]] === 1 && words[document[start + length]] === 1
      if (!whole || piece.slice(0, -1).some((token) => rules.delimiters.has(token))) continue
      pieces.push({ start: tokens.length, length })
      tokens.push(...piece)
    }
    return { tokens, pieces }
  }
}

function overlap(a: { start: number; length: number }, b: { start: number; length: number }): number {
  const common = Math.min(a.start + a.length, b.start + b.length) - Math.max(a.start, b.start)
  return Math.max(0, common) / (a.length + b.length - Math.max(0, common))
}

/** Distinct licence files of the installed packages. */
async function licenceTexts(): Promise<string[]> {
  const texts = new Set<string>()
  const folder = join(root, 'node_modules')
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    if (!/^(@[^/]+\/)?[^/]+\/LICEN[CS]E(\.md|\.txt)?$/i.test(name.replaceAll('\\', '/'))) continue
    texts.add((await readFile(join(folder, name), 'utf8')).normalize('NFC'))
  }
  return [...texts]
}

/** Mulberry32: the same draws everywhere. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
