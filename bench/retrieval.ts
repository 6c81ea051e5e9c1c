// `node scripts/run.mjs bench/retrieval.ts [--show]`: the questions of bench/questions over all three seeded datanets chosen at
// once, up to the passage; no model. Prints which datanet each list opens, how long a question and the indexes take, and their
// memory (with `NODE_OPTIONS=--expose-gc`). Not bench:answers: nothing is generated, quoted or paid.
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { readFlags } from '../scripts/flags.ts'
import { openNodeDesk } from '../scripts/node-desk.ts'
import { SEEDS, seedDatanets } from '../scripts/seed-datanet.ts'
import { ensureModel, ensurePackedPackage, stateDir } from '../scripts/setup.mjs'

const held = (): number => {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

export async function main(args: string[]): Promise<void> {
  const flags = readFlags(args, { values: [], switches: ['show'] })
  const modelPath = await ensureModel()
  const seeded = await seedDatanets({ cacheDir: join(stateDir, 'datanets'), modelPath, fetchPackage: ensurePackedPackage })
  const desk = await openNodeDesk({ modelPath, datanets: Object.fromEntries(seeded.map(({ id, folder }) => [id, folder])) })
  const ids = seeded.map(({ id }) => id)
  for (const { id, manifest } of seeded) {
    for (let document = 0; document < manifest.documents; document++) desk.shelf.text(id, document)
    const [before, started] = [held(), performance.now()]
    const { passages } = desk.shelf.passages(id)
    const ms = performance.now() - started
    console.log(`${manifest.name}: ${passages} passages indexed in ${ms.toFixed(0)} ms, ${((held() - before) / 1e6).toFixed(1)} MB`)
  }
  const times: number[] = []
  for (const { slug, id } of SEEDS) {
    const { on, off } = JSON.parse(readFileSync(resolve(import.meta.dirname, `questions/${slug}.json`), 'utf8')) as Record<string, string[]>
    for (const [kind, questions] of Object.entries({ on: on ?? [], off: off ?? [] })) {
      const opened: Record<string, number> = {}
      for (const question of questions) {
        const started = performance.now()
        const { passages, score } = await desk.retrieve(question, ids, new AbortController().signal)
        times.push(performance.now() - started)
        const [best] = passages
        if (best !== undefined) opened[best.datanet] = (opened[best.datanet] ?? 0) + 1
        if (flags.on('show'))
          console.log(
            `  ${score.toFixed(2)} ${question}${best === undefined ? '' : `\n       ${best.datanet} ${best.entry.title}: ${best.text}`}`,
          )
      }
      const others = Object.entries(opened).flatMap(([datanet, count]) =>
        datanet === String(id) ? [] : [`${count} of datanet ${datanet}`],
      )
      console.log(
        `${slug} ${kind}: ${opened[String(id)] ?? 0}/${questions.length} open it${others.length > 0 ? `, ${others.join(', ')}` : ''}`,
      )
    }
  }
  times.sort((a, b) => a - b)
  console.log(`A question: median ${times[times.length >> 1]?.toFixed(0)} ms, p95 ${times[Math.floor(times.length * 0.95)]?.toFixed(0)} ms`)
}
