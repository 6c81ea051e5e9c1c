import fc from 'fast-check'
import { zipSync } from 'fflate'
import { describe, expect, it } from 'vitest'
import { pdfOf } from './formats/fixtures.testing.ts'
import { nodePdfHost } from './formats/pdf-on-node.testing.ts'
import { Intake } from './intake.ts'
import type { IntakeDocument, IntakeOptions, IntakeReport, IntakeSource } from './intake-types.ts'
import { piiFinder } from './pii/find.ts'
import { memorySpill, SpilledTexts, type SpillFile } from './spill.ts'
import { tokensOf } from './tokens.ts'

/** One token a word or blank: its length and first letter. */
const encode = (text: string) => (text.match(/\s|\S+/g) ?? []).map((word) => (word.length * 256 + (word.charCodeAt(0) % 256)) % 65_536)
const open = ({ spill = memorySpill() }: { spill?: SpillFile } = {}) =>
  new Intake({
    encode,
    words: (tokens) => `${tokens.length} tokens`,
    fold: (token) => token,
    find: piiFinder([]),
    spill,
    pdfHost: () => nodePdfHost,
  })
const never = new AbortController().signal
const file = (name: string, content: BlobPart) => ({ name, blob: new Blob([content]) })
const prose = (seed: number, words = 400) =>
  Array.from(
    { length: words },
    (_, i) => `${'abcdefghij'[(seed * i + i * i) % 10]}${'word'.repeat(1 + ((i * seed) % 5))}${(i * 7 + seed) % 13}`,
  ).join(' ')

async function examine(intake: Intake, source: IntakeSource, options: IntakeOptions = {}, signal = never) {
  const reports: IntakeReport[] = []
  for await (const report of intake.examine(source, options, signal)) reports.push(report)
  const documents = reports.flatMap((report): IntakeDocument[] => (report.type === 'documents' ? report.documents : []))
  const refused = reports.flatMap((report) => (report.type === 'refused' ? [`${report.file} ${report.error.code}`] : []))
  return { reports, documents, refused }
}

describe('Intake', () => {
  it('takes files of many kinds, refuses others one by one, and ends with totals', async () => {
    const archive = zipSync({ 'in/note.md': new TextEncoder().encode(`# A note\n\n${prose(1)}`), '.DS_Store': new Uint8Array(4) })
    const files = [
      file('plain.txt', prose(2)),
      file('archive.zip', Uint8Array.from(archive)),
      { name: 'report.pdf', blob: pdfOf([['Words of a report that is', 'long enough to be kept here.']], { title: 'Report' }) },
      file('empty.txt', ''),
      file('short.txt', 'Three words only'),
      file(
        'data.bin',
        Uint8Array.from({ length: 64 }, (_, i) => i % 9),
      ),
    ]
    const intake = open()
    const { documents, refused, reports } = await examine(intake, { files })
    expect(documents.map(({ name, title, format }) => [name, title, format])).toEqual([
      ['plain.txt', 'plain', 'text'],
      ['archive.zip/in/note.md', 'A note', 'markdown'],
      ['report.pdf', 'Report', 'pdf'],
    ])
    expect(refused).toEqual(['empty.txt contribution_empty', 'short.txt contribution_empty', 'data.bin contribution_binary'])
    expect(reports.at(-1)).toMatchObject({ type: 'done', totals: { refused: 3, documents: 3, comparedWith: [] } })
  })

  it('masks at first, takes masks back one by one, and counts what it would publish', async () => {
    const intake = open()
    const text = `${prose(3, 50)} write to ada@example.com or +49 151 23456789 soon ${prose(4, 50)}`
    const { documents } = await examine(intake, { text })
    const [{ id, pii, tokens, characters, excerpt }] = documents
    expect(pii.map(({ kind, text: words }) => [kind, words])).toEqual([
      ['email', 'ada@example.com'],
      ['phone', '+49 151 23456789'],
    ])
    expect([tokens, characters]).toEqual([encode(masked(text)).length, masked(text).length])
    expect(excerpt).not.toContain('ada@example.com')
    const phone = intake.mask(id, [1], false)
    expect([phone.piiMasked, phone.tokens, phone.characters]).toEqual([1, tokens + 4, characters + 9])
    expect(intake.maskKind('email', false)).toMatchObject({
      piiFound: 2,
      piiMasked: 0,
      characters: text.length,
      tokens: encode(text).length,
    })
    expect(intake.mask(id, 'all', true)).toEqual(documents[0])
    const at = text.indexOf('ada@')
    expect(intake.text(id, at, at + 15)).toEqual({ text: 'ada@example.com', length: text.length, pii: [{ ...pii[0] }] })
  })

  it('leaves kinds unmasked that are asked for', async () => {
    const { documents } = await examine(open(), { text: `${prose(5, 20)} ada@example.com +49 151 23456789` }, { unmasked: ['email'] })
    expect(documents[0]).toMatchObject({ piiFound: 2, piiMasked: 1 })
  })

  it('masks what is personal in a title, leaves it out of an author, and says so; both can be written back', async () => {
    const intake = open()
    const rows = [
      { title: 'Ask ada@example.com', author: 'Ada <ada@example.com>', text: prose(50, 30) },
      { author: 'eve@example.com', text: prose(51, 30) },
    ]
    const files = [
      file('of eve@example.com.txt', prose(52, 30)),
      file('note.md', `# Call +49 151 23456789\n\n${prose(53, 30)}`),
      file('rows.jsonl', rows.map((row) => JSON.stringify(row)).join('\n')),
    ]
    const { documents } = await examine(intake, { files })
    expect(documents.map(({ title, author }) => [title, author])).toEqual([
      ['of [EMAIL]', null],
      ['Call [PHONE]', null],
      ['Ask [EMAIL]', 'Ada'],
      ['rows, row 2', null],
    ])
    expect(documents[0].changes).toEqual(['Personal details in the title were masked.'])
    expect(documents[2].changes).toEqual(['Personal details in the title were masked.', 'Personal details were left out of the author.'])
    expect(intake.describe(documents[1].id, { title: 'Call +49 151 23456789' }).title).toBe('Call +49 151 23456789')
    const kept = await examine(open(), { files: [files[0]] }, { unmasked: ['email'] })
    expect(kept.documents[0]).toMatchObject({ title: 'of eve@example.com', changes: [] })
  })

  it('finds what is personal behind characters that nobody sees', async () => {
    const { documents } = await examine(open(), { text: `${prose(54, 30)} a\u200bda@exam\u00adple.com` })
    expect(documents[0].excerpt + documents[0].pii.map(({ text }) => text).join()).toContain('ada@example.com')
    expect(documents[0]).toMatchObject({ piiFound: 1, piiMasked: 1 })
  })

  it('compares with the datanets and with what came before, and leaves exact copies out', async () => {
    const intake = open()
    const tokens = tokensOf(prose(6), encode)
    intake.learn('9', [{ document: 0, title: 'Old', author: 'Ada', tokens }])
    intake.learn('9', [{ document: 0, title: 'Old', author: 'Ada', tokens }])
    expect(intake.known()).toEqual({ 9: 1 })
    const files = [
      file('half.txt', `${prose(6).split(' ').slice(0, 250).join(' ')} ${prose(8, 200)}`),
      file('same.txt', prose(6)),
      file('same-again.txt', `${prose(8)}`),
      file('third.txt', prose(8)),
    ]
    const { documents } = await examine(intake, { files })
    const [half, same, fresh, again] = documents
    expect(half.duplicates[0]).toMatchObject({ datanet: '9', document: '0', title: 'Old', author: 'Ada' })
    expect(half.duplicates[0].share).toBeGreaterThan(0.3)
    expect(half.accepted).toBe(true)
    expect(same).toMatchObject({ accepted: false, flags: [{ code: 'exact_copy' }] })
    expect(fresh.accepted).toBe(true)
    expect(again).toMatchObject({
      accepted: false,
      duplicates: expect.arrayContaining([expect.objectContaining({ datanet: null, document: fresh.id, share: 1 })]),
    })
    expect(intake.drop(again.id, false).accepted).toBe(true)
  })

  it('gives batches below the bound that hold each accepted document once, as published', async () => {
    const intake = open()
    const files = Array.from({ length: 12 }, (_, i) => file(`f${i}.txt`, `${prose(i + 20)} mail x${i}@example.com “ü”`))
    const { documents } = await examine(intake, { files })
    intake.drop(documents[3].id, true)
    intake.describe(documents[4].id, { title: ' A  new\ntitle ', author: 'Eve', year: 1999 })
    const bound = 9_000
    const batches = []
    for await (const batch of intake.batches({ author: 'Ada', licence: 'CC0-1.0' }, bound, never)) batches.push(batch)
    expect(batches.length).toBeGreaterThan(2)
    expect(batches.flatMap((batch) => batch.documents.map(({ id }) => id))).toEqual(documents.filter((_, i) => i !== 3).map(({ id }) => id))
    for (const batch of batches) {
      const plain = batch.documents.map(({ facts, text }) => ({ ...facts, text }))
      // The bundle of wallet/contribution-bundle.ts.
      expect(new TextEncoder().encode(JSON.stringify({ version: 1, documents: plain })).length).toBeLessThanOrEqual(batch.bytes)
      expect(batch.bytes).toBeLessThanOrEqual(bound)
      for (const { text, tokens } of batch.documents) {
        expect(text).toMatch(/mail \[EMAIL\] “ü”$/)
        expect(Array.from(tokens)).toEqual(encode(text))
      }
    }
    expect(batches[0].documents[0].facts).toEqual({ author: 'Ada', licence: 'CC0-1.0', title: 'f0', year: null })
    const described = batches.flatMap((batch) => batch.documents).find(({ id }) => id === documents[4].id)
    expect(described?.facts).toEqual({ author: 'Eve', licence: 'CC0-1.0', title: 'A new title', year: 1999 })
    expect(() => intake.describe(documents[0].id, { title: ' ' })).toThrow(expect.objectContaining({ code: 'facts_invalid' }))
  })

  it('skips rows that are too short and says how many, and takes the field it is told', async () => {
    const rows = [
      { a: 'Three words only', b: prose(30, 20) },
      { a: prose(31, 40), b: prose(32, 30) },
    ]
    const blob = rows.map((row) => JSON.stringify(row)).join('\n')
    const { reports } = await examine(open(), { files: [file('r.jsonl', blob)] }, { textFields: { 'r.jsonl': 'a' } })
    expect(reports.find(({ type }) => type === 'fields')).toMatchObject({ chosen: 'a' })
    expect(reports.find(({ type }) => type === 'skipped')).toMatchObject({ count: 1 })
  })

  it('stops when it is cancelled, keeps what it has, and forgets it when released', async () => {
    const intake = open()
    const controller = new AbortController()
    const files = [file('a.txt', prose(40)), file('b.txt', prose(41))]
    const stopped = (async () => {
      for await (const report of intake.examine({ files }, {}, controller.signal)) if (report.type === 'documents') controller.abort()
    })()
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' })
    expect(intake.documents(0, 10).total).toBe(1)
    intake.release()
    expect(intake.documents(0, 10)).toEqual({ total: 0, documents: [] })
    expect(() => intake.mask('0', 'all', true)).toThrow(expect.objectContaining({ code: 'intake_unknown' }))
  })

  it.each(['throws', 'takes a part'])(
    'refuses a text that finds no room when the disk %s, mixes it with no other, and takes it later',
    async (how) => {
      const disk = memorySpill()
      let room = 3_500
      const spill = {
        get bytes() {
          return disk.bytes
        },
        append(piece: Uint8Array) {
          const fits = Math.min(piece.length, room)
          if (fits < piece.length && how === 'throws') throw new DOMException('No room.', 'QuotaExceededError')
          room -= fits
          disk.append(piece.subarray(0, fits))
        },
        read: disk.read.bind(disk),
        clear: disk.clear.bind(disk),
      }
      const intake = open({ spill })
      const texts = [prose(60, 200), prose(61, 200), prose(62, 200)]
      const files = texts.map((text, i) => file(`${i}.txt`, text))
      const { refused } = await examine(intake, { files })
      expect(refused[0]).toMatch(/^\d\.txt storage_full$/)
      room = 1_000_000
      const lost = files.filter(({ name }) => refused.includes(`${name} storage_full`))
      const again = await examine(intake, { files: lost })
      expect(again.documents.map(({ accepted }) => accepted)).toEqual(lost.map(() => true))
      const { documents } = intake.documents(0, 10)
      expect(documents.map(({ id }) => intake.text(id, 0, 9_999).text).sort()).toEqual([...texts].sort())
    },
  )

  it('marks what a careful reader would remark', async () => {
    const flagsOf = async (text: string) => (await examine(open(), { text })).documents[0].flags.map(({ code }) => code)
    const english = 'This is a plain sentence of English words that says nothing much about anything at all, and goes on for a while. '
    const german = 'Dies ist ein ganz gewöhnlicher deutscher Satz, der über nichts Besonderes spricht und eine Weile so weitergeht. '
    expect(await flagsOf(english.repeat(3))).toEqual([])
    expect(await flagsOf('Only eight words are in this one sentence.')).toContain('too_short')
    expect(await flagsOf(`${english}\n`.repeat(30))).toContain('repeated_lines')
    expect(await flagsOf(english.repeat(12) + german.repeat(12))).toContain('mixed_languages')
    expect(await flagsOf(`${english.repeat(3)} All rights reserved.`)).toContain('copyright_notice')
    expect(await flagsOf(`As an AI language model, I say: ${english.repeat(3)}`)).toContain('assistant_phrases')
    expect(await flagsOf(`${'<td class="x"><b>word</b></td> '.repeat(40)}`)).toContain('mostly_markup')
    expect(await flagsOf(`${'12 345 678 and 90 '.repeat(40)}`)).toContain('mostly_digits')
    expect(
      await flagsOf(
        'const x = f(1);\nif (x) {\n  return g(x);\n}\nlet total = 0;\nfor (const i of x) total += i;\nexport { x };\nwhile (true) { break; }\nfunction more(a) {\n',
      ),
    ).toContain('mostly_code')
    expect(await flagsOf('T h e q u i c k br0wn f o x jumpsOver t h e laZyDog a n d s o o n '.repeat(8))).toContain('ocr_noise')
  })
})

const masked = (text: string) => text.replace('ada@example.com', '[EMAIL]').replace('+49 151 23456789', '[PHONE]')

describe('tokensOf', () => {
  it('is the tokens of the whole, wherever it cuts', () => {
    const unit = fc.constantFrom('word', ' ', '\n', '. ', '12', '  ', 'ü', ', ')
    fc.assert(
      fc.property(fc.array(unit, { minLength: 1, maxLength: 40 }), (units) => {
        const text = units.join('').repeat(2_000)
        expect(Array.from(tokensOf(text, encode))).toEqual(encode(text))
      }),
      { numRuns: 15 },
    )
  })
})

describe('SpilledTexts', () => {
  it('gives back every text', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme' })), (texts) => {
        const spilled = new SpilledTexts(memorySpill())
        const handles = texts.map((text) => spilled.put(text))
        expect(handles.map((handle) => spilled.get(handle))).toEqual(texts)
      }),
    )
  })
})
