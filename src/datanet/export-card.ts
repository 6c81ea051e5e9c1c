// The data card of an export, in Markdown: what the texts are, whose, under which licences, in which languages, and how anyone
// checks that they are the ones the chain commits to. Counts are of the rows that are exported; what is left out is said.
import { franc } from 'franc-min'
import type { Hex } from '../attribution/types.ts'
import type { ExportRow } from './export-rows.ts'

export interface CardFacts {
  datanet: string
  name: string
  description: string
  licence: string
  curator: Hex
  chainId: number
  /** The `Datanets` contract. */
  contract: Hex
  commitment: Hex
  contributions: number
  /** Documents that their authors withdrew. */
  withdrawn: number
  /** How the commitment is proven, for people. */
  assurance: string
}

/** Of a text, for its language; the beginning of a page is often a title or a licence notice. */
const SAMPLE_FROM = 200
const SAMPLE_CHARACTERS = 2_000
const LISTED = 50

interface Sum {
  documents: number
  tokens: number
}

export function dataCard(rows: Iterable<ExportRow>, facts: CardFacts): string {
  const licences = new Map<string, Sum>()
  const languages = new Map<string, Sum>()
  const contributors = new Map<string, Sum & { author: string }>()
  const whole: Sum = { documents: 0, tokens: 0 }
  for (const row of rows) {
    add(whole, row)
    add(entry(licences, row.licence, { documents: 0, tokens: 0 }), row)
    add(entry(languages, languageOf(row.text), { documents: 0, tokens: 0 }), row)
    add(entry(contributors, `${row.contributor} ${row.author}`, { documents: 0, tokens: 0, author: row.author }), row)
  }
  const people = [...contributors].sort(([, a], [, b]) => b.tokens - a.tokens)
  return [
    `# ${line(facts.name)}`,
    ...(facts.description === '' ? [] : ['', ...facts.description.split('\n').map((text) => `> ${text}`)]),
    '',
    '| | |',
    '|---|---|',
    `| Documents | ${whole.documents} |`,
    `| Tokens | ${whole.tokens} (tokeniser of the index) |`,
    `| Contributors | ${new Set(people.map(([key]) => key.split(' ', 1)[0])).size} |`,
    `| Licence of the datanet | ${cell(facts.licence)} |`,
    `| Curator | \`${facts.curator}\` |`,
    `| Commitment | \`${facts.commitment}\` (after ${facts.contributions} contributions) |`,
    `| Chain and contract | ${facts.chainId}, \`${facts.contract}\`, datanet ${facts.datanet} |`,
    `| Left out | ${facts.withdrawn === 0 ? 'nothing' : `${facts.withdrawn} documents that their authors withdrew`} |`,
    ...table('Licences', 'Licence', licences, whole),
    ...table('Languages', 'Language', languages, whole),
    '',
    'Languages are guessed from a sample of each text.',
    '',
    '## Contributors',
    '',
    '| Author | Account | Documents | Tokens |',
    '|---|---|---:|---:|',
    ...people
      .slice(0, LISTED)
      .map(([key, sum]) => `| ${cell(sum.author)} | \`${key.split(' ', 1)[0]}\` | ${sum.documents} | ${sum.tokens} |`),
    ...(people.length > LISTED ? ['', `And ${people.length - LISTED} more; every row names its own.`] : []),
    '',
    '## How to verify',
    '',
    facts.assurance,
    '',
    '1. Each row names its contribution, that contribution’s Merkle `root`, its place in the `order`, and the `commitment` of the datanet.',
    '2. A contribution’s root is the Merkle root over its documents in order; a leaf is keccak256(tokens as u16 little-endian) ‖ keccak256(JSON of author, licence, title, year) ‖ number of tokens.',
    '3. The commitment is head_n: head_0 = 0, head_{n+1} = keccak256(head_n ‖ contribution hash). Read `headAt` of the contract with a storage proof and compare.',
    '4. `da_commitment` names the published texts by their hash: 0x00 ‖ keccak256(bytes). `0x` means that they are served beside the page.',
    '',
    'Withdrawn documents stay in the commitment. To check it as a whole, fetch those contributions as well.',
    '',
  ].join('\n')
}

function entry<T>(map: Map<string, T>, key: string, fresh: T): T {
  const held = map.get(key) ?? fresh
  map.set(key, held)
  return held
}

function add(sum: Sum, { tokens }: ExportRow): void {
  sum.documents++
  sum.tokens += tokens
}

function table(title: string, head: string, sums: ReadonlyMap<string, Sum>, whole: Sum): string[] {
  const rows = [...sums].sort(([, a], [, b]) => b.tokens - a.tokens)
  const share = (tokens: number) => `${((100 * tokens) / Math.max(1, whole.tokens)).toFixed(1)} %`
  return [
    '',
    `## ${title}`,
    '',
    `| ${head} | Documents | Tokens | Share |`,
    '|---|---:|---:|---:|',
    ...rows.map(([name, { documents, tokens }]) => `| ${cell(name)} | ${documents} | ${tokens} | ${share(tokens)} |`),
  ]
}

function languageOf(text: string): string {
  const from = text.length > SAMPLE_FROM + SAMPLE_CHARACTERS ? SAMPLE_FROM : 0
  const code = franc(text.slice(from, from + SAMPLE_CHARACTERS), { minLength: 40 })
  return code === 'und' ? 'undetermined' : (new Intl.DisplayNames('en', { type: 'language' }).of(code) ?? code)
}

/** Names come from strangers: they must not end a table or a line. */
const line = (text: string) => text.replace(/\s+/g, ' ').trim()
const cell = (text: string) => line(text).replace(/[|`<>\\]/g, (sign) => `\\${sign}`)
