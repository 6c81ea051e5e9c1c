// Recall and precision of the intake's masks by kind, on the two halves of bench/pii. A finding counts when it has the kind
// and overlaps by at least 80 % of their union a labelled place; each place and each finding counts once.
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Detector, Finding } from '../src/datanet/pii/finding.ts'

const HALVES = ['tuned', 'held-out']
const OVERLAP = 0.8

interface Count {
  labelled: number
  right: number
  found: number
}

interface Labelled {
  text: string
  labels: Finding[]
}

function read(half: string): Labelled[] {
  const texts = JSON.parse(readFileSync(fileURLToPath(new URL(`pii/${half}.json`, import.meta.url)), 'utf8')) as string[]
  return texts.map((marked) => {
    const labels: Finding[] = []
    let text = ''
    for (const part of marked.replaceAll('¦', '').split(/(⟦[^⟧]*⟧)/)) {
      const [, kind, value] = /^⟦(\w+):([^⟧]*)⟧$/s.exec(part) ?? []
      if (kind === undefined) text += part
      else {
        labels.push({ kind: kind as Finding['kind'], from: text.length, to: text.length + value.length })
        text += value
      }
    }
    return { text, labels }
  })
}

function agree(a: Finding, b: Finding): boolean {
  const shared = Math.min(a.to, b.to) - Math.max(a.from, b.from)
  return a.kind === b.kind && shared >= OVERLAP * (Math.max(a.to, b.to) - Math.min(a.from, b.from))
}

/** Prints one table a half. @param verbose also each miss and each false finding of the tuned half */
export function measurePii(find: Detector, verbose: boolean): void {
  for (const half of HALVES) {
    const counts = new Map<string, Count>()
    const of = (kind: string) => {
      const count = counts.get(kind) ?? { labelled: 0, right: 0, found: 0 }
      counts.set(kind, count)
      return count
    }
    for (const { text, labels } of read(half)) {
      const found = find(text)
      for (const finding of found) of(finding.kind).found++
      for (const label of labels) {
        of(label.kind).labelled++
        if (found.some((finding) => agree(label, finding))) of(label.kind).right++
        else if (verbose && half === 'tuned') console.log(`missed ${label.kind}: ${JSON.stringify(text)}`)
      }
      for (const finding of found) {
        if (!verbose || half !== 'tuned' || labels.some((label) => agree(label, finding))) continue
        console.log(`false ${finding.kind} "${text.slice(finding.from, finding.to)}": ${JSON.stringify(text)}`)
      }
    }
    console.log(`\nmasks, ${half} half             labelled  found  right  recall  precision`)
    const total = { labelled: 0, right: 0, found: 0 }
    for (const [kind, count] of [...counts].sort(([a], [b]) => (a < b ? -1 : 1))) {
      print(kind, count)
      total.labelled += count.labelled
      total.right += count.right
      total.found += count.found
    }
    print('all', total)
  }
}

function print(kind: string, { labelled, right, found }: Count): void {
  const share = (part: number, whole: number) => (whole === 0 ? '–' : (part / whole).toFixed(3))
  const row = [String(labelled).padStart(8), String(found).padStart(6), String(right).padStart(6)]
  console.log(`${kind.padEnd(30)} ${row.join(' ')}  ${share(right, labelled).padStart(6)}  ${share(right, found).padStart(9)}`)
}
