// `node scripts/run.mjs bench/relevance.ts --packages DIR [--show]`, DIR with the seed packages' tarballs: passages that are known
// are asked for in other words (bench/questions/relevance.json), and their place among those that retrieval ranks is printed, as
// recall at 1, 5 and 20 and as mean reciprocal rank. No gate, no model. Not bench:retrieval, which asks whether anything opens.
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { openSeedIndexes } from '../scripts/train/seed-indexes.ts'
import { rank } from '../src/attribution/retrieval/rank.ts'
import { OpenChatError } from '../src/errors.ts'

/** A question, and words that the passage it asks for holds. */
type Known = [question: string, holds: string]

const squeezed = (text: string) => text.replace(/\s+/gu, ' ')

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({ args, options: { packages: { type: 'string' }, show: { type: 'boolean' } } })
  if (values.packages === undefined) throw new OpenChatError('usage', 'Expected --packages DIR, the folder of the seed packages.')
  const known = JSON.parse(readFileSync(new URL('questions/relevance.json', import.meta.url), 'utf8')) as Record<string, Known[]>
  const places: number[] = []
  for (const { slug, index } of await openSeedIndexes(values.packages)) {
    const texts = Array.from({ length: index.passages }, (_, passage) => squeezed(index.text(passage)))
    const here = (known[slug] ?? []).map(([question, holds]) => {
      if (!texts.some((text) => text.includes(holds)))
        throw new OpenChatError('questions_invalid', `No passage of ${slug} holds “${holds}”.`, { meta: { question } })
      const { ranked } = rank(question, index)
      const place = ranked.findIndex(({ passage }) => texts[passage]?.includes(holds)) + 1
      if (values.show) console.log(`${place === 0 ? '   -' : String(place).padStart(4)}  ${question}`)
      return place
    })
    console.log(`${slug}: ${figures(here)}`)
    places.push(...here)
  }
  console.log(`all: ${figures(places)}`)
}

/** Places from 1; 0 where the passage was not ranked. */
function figures(places: readonly number[]): string {
  const within = (most: number) => places.filter((place) => place > 0 && place <= most).length
  const mrr = places.reduce((sum, place) => sum + (place === 0 ? 0 : 1 / place), 0) / places.length
  return `${places.length} questions, first ${within(1)}, among five ${within(5)}, among twenty ${within(20)}, mean reciprocal rank ${mrr.toFixed(3)}`
}
