// Fits the gate of src/attribution/retrieval: `node scripts/run.mjs scripts/train/gate.ts --packages DIR [--show]`, DIR with the seed
// packages' tarballs.
// Not a benchmark: the questions are those of bench/questions/calibration.json, and bench:answers asks others.
// A seeded datanet's own questions are on-topic for it and off-topic for the others. Logistic regression by Newton's method with
// L2, classes and seeded datanets weighted alike; prints the weights to
// paste into gate.ts, and what ten-fold cross-validation gives at each threshold.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { FEATURES, GATE_THRESHOLD, gateFeatures, gateKind } from '../../src/attribution/retrieval/gate.ts'
import type { PassageIndex } from '../../src/attribution/retrieval/passage-index.ts'
import { rank } from '../../src/attribution/retrieval/rank.ts'
import { OpenChatError } from '../../src/errors.ts'
import { SEEDS } from '../seed-datanet.ts'
import { indexOf, openSeedIndexes } from './seed-indexes.ts'

interface Calibration {
  on: string[]
  off: string[]
  law: string[]
  'contract-security': string[]
  datanets: { name: string; text: string; on: string[]; off: string[] }[]
}

interface Case {
  datanet: string
  question: string
  on: boolean
  x: number[]
  weight: number
  kind: 'archive' | 'other'
}

/** Weight of all small datanets together, against 1 for each seeded one. */
const SMALL = 0.35
const L2 = 0.002
const THRESHOLDS = [0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7]

const sigmoid = (z: number) => 1 / (1 + Math.exp(-z))
const dot = (w: number[], x: number[]) => w[FEATURES.length] + x.reduce((sum, value, i) => sum + value * w[i], 0)

/** Newton's method: a few rounds, each solving one small system by elimination. */
function regress(cases: Case[]): number[] {
  const n = FEATURES.length + 1
  let w = new Array<number>(n).fill(0)
  for (let round = 0; round < 12; round++) {
    const system = w.map((value, i) => [...w.map((_, j) => (i === j && i < n - 1 ? L2 : 1e-9)), i < n - 1 ? -L2 * value : 0])
    for (const { x, on, weight } of cases) {
      const p = sigmoid(dot(w, x))
      const row = [...x, 1]
      for (let i = 0; i < n; i++) {
        system[i][n] -= weight * (p - Number(on)) * row[i]
        for (let j = 0; j < n; j++) system[i][j] += weight * p * (1 - p) * row[i] * row[j]
      }
    }
    const step = solve(system)
    w = w.map((value, i) => value + step[i])
  }
  return w
}

/** The solution of a linear system given as rows with the right side last; Gauss with the largest pivot. */
function solve(rows: number[][]): number[] {
  const n = rows.length
  for (let i = 0; i < n; i++) {
    const pivot = rows.reduce((best, row, j) => (j >= i && Math.abs(row[i]) > Math.abs(rows[best][i]) ? j : best), i)
    ;[rows[i], rows[pivot]] = [rows[pivot], rows[i]]
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const factor = rows[j][i] / rows[i][i]
      for (let k = i; k <= n; k++) rows[j][k] -= factor * rows[i][k]
    }
  }
  return rows.map((row, i) => row[n] / row[i])
}

/** Half of the weight for questions on topic; the rest for those of no datanet, and a third of it for those of `others`. */
function casesOf(datanet: string, index: PassageIndex, on: string[], off: string[], others: string[], weight: number): Case[] {
  const make = (questions: string[], isOn: boolean, share: number): Case[] =>
    questions.map((question) => ({
      datanet,
      question,
      on: isOn,
      x: gateFeatures(rank(question, index), index),
      weight: (weight * share) / questions.length,
      kind: gateKind(index),
    }))
  const foreign = others.length === 0 ? 0 : 1 / 6
  return [...make(on, true, 1 / 2), ...make(off, false, 1 / 2 - foreign), ...make(others, false, foreign)]
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { packages: { type: 'string' }, show: { type: 'boolean' } } })
  const { packages } = values
  if (packages === undefined) throw new OpenChatError('usage', 'Expected --packages DIR, the folder of the seed packages.')
  const calibration = JSON.parse(readFileSync(new URL('../../bench/questions/calibration.json', import.meta.url), 'utf8')) as Calibration
  const own: Record<string, string[]> = {
    'public-speech': calibration.on,
    law: calibration.law,
    'contract-security': calibration['contract-security'],
  }
  const ownOf = (slug: string): string[] => own[slug] ?? []
  const cases: Case[] = []
  for (const { slug, index } of await openSeedIndexes(packages)) {
    const others = SEEDS.flatMap((other) => (other.slug === slug ? [] : ownOf(other.slug)))
    cases.push(...casesOf(slug, index, ownOf(slug), calibration.off, others, 1))
  }
  for (const { name, text, on, off } of calibration.datanets) {
    const index = indexOf([{ author: 'A member', title: '', year: null, text }])
    cases.push(...casesOf(name, index, on, off, [], SMALL / calibration.datanets.length))
  }
  const folds = 10
  const held = cases.map(() => 0)
  for (const kind of ['archive', 'other'] as const) {
    const own = cases.flatMap((c, i) => (c.kind === kind ? [i] : []))
    for (let fold = 0; fold < folds; fold++) {
      const w = regress(own.filter((_, n) => n % folds !== fold).map((i) => cases[i]))
      for (const [n, i] of own.entries()) if (n % folds === fold) held[i] = sigmoid(dot(w, cases[i].x))
    }
    const weights = regress(own.map((i) => cases[i]))
    console.log(`${kind}: ${weights.map((weight) => weight.toFixed(2)).join(', ')}`)
    console.log(`  ${[...FEATURES, 'bias'].map((name, i) => `${name} ${weights[i].toFixed(2)}`).join(', ')}`)
  }
  const kinds = [...SEEDS.map(({ slug }) => slug), 'small']
  const kindOf = ({ datanet }: Case) => (kinds.includes(datanet) ? datanet : 'small')
  for (const threshold of THRESHOLDS) {
    const rate = (on: boolean, kind: string) => {
      const of = cases.flatMap((c, i) => (c.on === on && kindOf(c) === kind ? [held[i]] : []))
      return `${of.filter((p) => p >= threshold).length}/${of.length}`
    }
    console.log(`${threshold}: ${kinds.map((kind) => `${kind} on ${rate(true, kind)} off ${rate(false, kind)}`).join('; ')}`)
  }
  // As the page asks: all seeded datanets chosen, one opens when any does.
  const opens = new Map<string, number>()
  for (const [i, { question, datanet }] of cases.entries())
    if (kindOf(cases[i]) === datanet) opens.set(question, Math.max(opens.get(question) ?? 0, held[i]))
  for (const threshold of THRESHOLDS) {
    const open = (list: readonly string[]) => `${list.filter((question) => (opens.get(question) ?? 0) >= threshold).length}/${list.length}`
    const own = SEEDS.map(({ slug }) => `${slug} ${open(ownOf(slug))}`)
    console.log(`all chosen, ${threshold}: nobody's ${open(calibration.off)}; ${own.join(', ')}`)
  }
  if (!values.show) return
  const wrong = cases.map((c, i) => ({ c, p: held[i] })).filter(({ c, p }) => p >= GATE_THRESHOLD !== c.on)
  for (const { c, p } of wrong) {
    console.log(`${c.on ? 'ON ' : 'OFF'} ${p.toFixed(2)} ${c.datanet}: ${c.question}`)
  }
}
