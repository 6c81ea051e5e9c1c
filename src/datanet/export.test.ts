import fc from 'fast-check'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import { describe, expect, it } from 'vitest'
import type { Hex } from '../attribution/types.ts'
import { dataCard } from './export-card.ts'
import { jsonLines } from './export-jsonl.ts'
import { parquetFile } from './export-parquet.ts'
import type { ExportRow } from './export-rows.ts'

const hash = (byte: string): Hex => `0x${byte.repeat(32)}`
const SPEECH = 'We have always looked to the navy of the country as our first and chief line of defence on the seas. '

function rowOf(document: number, more: Partial<ExportRow> = {}): ExportRow {
  const proven = { root: hash('11'), da_commitment: '0x' as Hex, commitment: hash('22') }
  const named = { title: `Speech ${document}`, author: 'Ada', year: null, licence: 'CC0-1.0', contributor: `0x${'ab'.repeat(20)}` as Hex }
  return { id: `1/${document}`, text: SPEECH, ...named, contribution: 0, order: document + 1, tokens: 21, ...proven, ...more }
}

const joined = (pieces: Iterable<Uint8Array>) => Buffer.concat([...pieces])

describe('an export', () => {
  const texts = fc.array(fc.record({ text: fc.string({ unit: 'binary' }), year: fc.option(fc.integer({ min: 1, max: 2026 })) }), {
    maxLength: 20,
  })

  it('reads back from JSON Lines as it was, whatever the texts hold', () => {
    fc.assert(
      fc.property(texts, (held) => {
        const rows = held.map((more, i) => rowOf(i, { ...more, text: more.text.toWellFormed() }))
        const lines = joined(jsonLines(rows)).toString('utf8').split('\n').slice(0, -1)
        expect(lines.map((line) => JSON.parse(line))).toEqual(rows)
      }),
    )
  })

  it('reads back from Parquet as it was, in several row groups', async () => {
    const long = Array.from({ length: 90 }, (_, i) => rowOf(i, { text: SPEECH.repeat(1000), year: i % 3 === 0 ? null : 1900 + i }))
    const pieces = [...parquetFile(long, { name: 'Bees', commitment: hash('22') })]
    expect(pieces.length).toBeGreaterThan(2)
    const bytes = joined(pieces)
    const file = Uint8Array.from(bytes).buffer
    const { key_value_metadata, row_groups } = parquetMetadata(file)
    expect(row_groups.length).toBe(pieces.length)
    expect(key_value_metadata).toContainEqual({ key: 'commitment', value: hash('22') })
    expect(await parquetReadObjects({ file })).toEqual(long)
  })

  it('of nothing is an empty file of its kind', async () => {
    expect(joined(jsonLines([])).length).toBe(0)
    expect(await parquetReadObjects({ file: Uint8Array.from(joined(parquetFile([], {}))).buffer })).toEqual([])
  })

  it('has a card with licences, languages, contributors and how to verify; names cannot break its tables', () => {
    const german = 'Die Bienen finden ihren Weg nach Hause mit der Sonne, und sie sagen einander, wo die Blumen stehen. '.repeat(3)
    const rows = [
      rowOf(0, { text: SPEECH.repeat(3) }),
      rowOf(1, { text: german, author: 'Eve | <b>`\n## Owned', contributor: `0x${'cd'.repeat(20)}`, licence: 'MIT' }),
    ]
    const facts = { datanet: '1', name: 'Bees', description: 'About bees.', licence: 'CC0-1.0', curator: rows[0]!.contributor }
    const proof = {
      chainId: 42069,
      contract: rows[0]!.contributor,
      commitment: hash('22'),
      contributions: 2,
      withdrawn: 3,
      assurance: 'Proven.',
    }
    const card = dataCard(rows, { ...facts, ...proof })
    expect(card).toContain('| Contributors | 2 |')
    expect(card).toContain('| English | 1 | 21 | 50.0 % |')
    expect(card).toContain('| German | 1 | 21 | 50.0 % |')
    expect(card).toContain('| MIT | 1 | 21 |')
    expect(card).toContain('3 documents that their authors withdrew')
    expect(card).toContain('| Eve \\| \\<b\\>\\` ## Owned |')
    expect(card.match(/^## /gm)).toHaveLength(4)
  })
})
