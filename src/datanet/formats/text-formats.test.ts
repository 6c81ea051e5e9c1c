import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { readCsv } from './csv.ts'
import { decodePieces, sniffEncoding } from './decode.ts'
import { documents, events, never, textBlob } from './fixtures.testing.ts'
import { readHtml } from './html.ts'
import { ensureShallow, readJson, readJsonLines } from './json.ts'
import { cutAt, frontMatter, readPlain } from './plain.ts'
import { PART_CHARACTERS } from './raw-document.ts'
import { sniffFormat } from './sniff.ts'

const rows = { rows: 'each', textField: undefined } as const
const utf16 = (text: string, littleEndian: boolean) => {
  const view = new DataView(new ArrayBuffer(2 * text.length))
  for (let i = 0; i < text.length; i++) view.setUint16(2 * i, text.charCodeAt(i), littleEndian)
  return new Blob([view])
}
const textOf = async (blob: Blob) => {
  let text = ''
  for await (const piece of decodePieces(blob, await sniffEncoding(blob), never)) text += piece.text
  return text
}

describe('decoding', () => {
  it('reads UTF-8, UTF-16 of either order with and without a mark, and Windows-1252', async () => {
    const said = 'Größe, “naïve” – a line of Latin text'
    expect(await textOf(textBlob(said))).toBe(said)
    expect(await textOf(textBlob(`\ufeff${said}`))).toBe(said)
    for (const order of [true, false]) {
      expect(await textOf(utf16(said, order))).toBe(said)
      expect(await textOf(utf16(`\ufeff${said}`, order))).toBe(said)
    }
    expect(await textOf(new Blob([Uint8Array.of(0x47, 0x72, 0xf6, 0xdf, 0x65)]))).toBe('Größe')
  })

  it('is exact across the borders of pieces', async () => {
    const long = 'äöü€𝄞'.repeat(120_000)
    expect(await textOf(textBlob(long))).toBe(long)
  })

  it('refuses what is empty or binary', async () => {
    await expect(sniffEncoding(new Blob([]))).rejects.toMatchObject({ code: 'contribution_empty' })
    await expect(sniffEncoding(new Blob([Uint8Array.from({ length: 500 }, (_, i) => i % 7)]))).rejects.toMatchObject({
      code: 'contribution_binary',
    })
  })
})

describe('sniffFormat', () => {
  it.each([
    ['a.txt', 'plain words', 'text'],
    ['a.txt', '%PDF-1.7 …', 'pdf'],
    ['a.pdf', 'plain words, whatever the name says', 'text'],
    ['a.txt', '<!DOCTYPE html><p>x', 'html'],
    ['a.md', '# x', 'markdown'],
    ['a.log', '{"text":"x"}\n{"text":"y"}\n', 'jsonl'],
    ['a.json', '{"text":"x"}\n{"text":"y"}\n', 'jsonl'],
    ['a.jsonl', '[{"text":"x"}]', 'json'],
    ['a.tsv', 'a\tb', 'csv'],
    ['a.txt', '{not json} says the prose', 'text'],
  ])('%s beginning with %s is %s', async (name, content, format) => {
    expect(await sniffFormat(name, textBlob(content))).toBe(format)
  })

  it('names what it does not read', async () => {
    const png = new Blob([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0)])
    await expect(sniffFormat('notes.txt', png)).rejects.toMatchObject({ code: 'file_type_unsupported', meta: { what: 'a picture' } })
    await expect(sniffFormat('x.docx', textBlob('PK\x03\x04..............word/document.xml'))).rejects.toMatchObject({
      code: 'file_type_unsupported',
    })
  })
})

describe('plain text and Markdown', () => {
  it('keeps a short text whole and cuts a long one at paragraphs, losing nothing', async () => {
    const paragraph = `${'word '.repeat(80)}\n\n`
    const long = paragraph.repeat(4_000)
    const parts = await documents(readPlain(textBlob(long), 'text', never))
    expect(parts.map(({ text }) => text).join('')).toBe(long)
    expect(parts.every(({ text }) => text.length <= PART_CHARACTERS && text.endsWith('\n\n'))).toBe(true)
    expect(parts[1].label).toBe('part 2')
    const [whole, ...none] = await documents(readPlain(textBlob(paragraph.repeat(100)), 'text', never))
    expect([whole.label, none]).toEqual(['', []])
  })

  it('cuts any text within the limit and never inside a character', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', ' ', '\n', '𝄞'), minLength: 1, maxLength: 60 }),
        fc.integer({ min: 2, max: 30 }),
        (text, limit) => {
          const at = cutAt(text, limit)
          expect(at).toBeGreaterThan(0)
          expect(at).toBeLessThanOrEqual(Math.max(limit, 1))
          expect(text.slice(0, at).isWellFormed()).toBe(true)
        },
      ),
    )
  })

  it('takes front matter as fields, and only front matter', async () => {
    const text = '---\ntitle: "My notes"\nauthor: Ada\ndate: 2021-03-04\n---\n# Not this\nwords'
    expect(await documents(readPlain(textBlob(text), 'markdown', never))).toMatchObject([
      { title: 'My notes', author: 'Ada', year: 2021, text: '# Not this\nwords' },
    ])
    expect(frontMatter('---\nno fields here\n---\nwords').body).toBe('---\nno fields here\n---\nwords')
    expect(await documents(readPlain(textBlob('## The *head*\nwords'), 'markdown', never))).toMatchObject([{ title: 'The head' }])
  })
})

describe('readHtml', () => {
  it('keeps what is read and leaves out what is not', async () => {
    const page = `<!doctype html><title>A &amp; B</title><meta name="author" content="Bob"><meta name=date content=2020-01-01>
      <style>p{color:red}</style><script>if (a<b) alert("<p>evil</p>")</script><nav><p>Home</p></nav>
      <h1>Head</h1><p>First <b>bold</b>   words<br>next line</p><ul><li>one<li>two</ul>
      <div hidden>hidden</div><div aria-hidden="true"><p>not <div>nested</div> this</p></div><pre>  keep\n   this</pre><p>Last`
    const [document] = await documents(readHtml(textBlob(page), never))
    expect(document).toMatchObject({ title: 'A & B', author: 'Bob', year: 2020 })
    expect(document.text).toBe('Head\n\nFirst bold words\nnext line\n\n- one\n- two\n  keep\n   this\n\nLast\n\n')
  })

  it('bears depth, and refuses what is nested 200,000 deep', async () => {
    const nested = (depth: number) => textBlob(`${'<div><br>'.repeat(depth)}words${'</div>'.repeat(depth)}<p>end`)
    const [document] = await documents(readHtml(nested(1_500), never))
    expect(document.text.trim()).toBe('words\n\nend')
    await expect(documents(readHtml(nested(200_000), never))).rejects.toMatchObject({ code: 'html_too_deep' })
  })
})

describe('JSON lines and JSON', () => {
  const lines = (...values: unknown[]) => textBlob(values.map((value) => JSON.stringify(value)).join('\n'))

  it('finds the text, the title, the author and the year', async () => {
    const blob = lines(
      { id: 1, body: 'Some words that are the text.', Title: 'T', author: 'A', date: '1999-01-02' },
      { id: 2, body: 'More.' },
    )
    const [fields, first, second] = await events(readJsonLines(blob, rows, never)).then((all) => all.filter(({ type }) => type !== 'at'))
    expect(fields).toMatchObject({ chosen: 'body' })
    expect(first).toMatchObject({
      document: { label: 'row 1', text: 'Some words that are the text.', title: 'T', author: 'A', year: 1999 },
    })
    expect(second).toMatchObject({ document: { text: 'More.', title: null } })
  })

  it('reads chats of both common shapes as turns', async () => {
    const chat = [
      { role: 'user', content: 'Why?' },
      { role: 'assistant', content: [{ type: 'text', text: 'Because.' }] },
    ]
    const shared = [{ from: 'human', value: 'Why?' }]
    const read = await documents(readJsonLines(lines({ messages: chat }, { messages: shared }), rows, never))
    expect(read.map(({ text }) => text)).toEqual(['User: Why?\n\nAssistant: Because.', 'Human: Why?'])
    expect(await documents(readJson(lines({ messages: chat }), rows, never))).toMatchObject([{ text: 'User: Why?\n\nAssistant: Because.' }])
  })

  it('groups many short rows into few documents, and loses none', async () => {
    const values = Array.from({ length: 5_000 }, (_, i) => ({ text: `The words of row ${i}.` }))
    const read = await documents(readJsonLines(lines(...values), { rows: 'auto', textField: undefined }, never))
    expect(read.length).toBeLessThan(20)
    expect(read.map(({ text }) => text).join('\n\n')).toBe(values.map(({ text }) => text).join('\n\n'))
    expect(read[0].label).toMatch(/^rows 1–\d+$/)
    expect(await documents(readJsonLines(lines(...values.slice(0, 3)), { rows: 'auto', textField: undefined }, never))).toHaveLength(3)
  })

  it('reads a list, a list in an object, and texts alone', async () => {
    const texts = (blob: Blob) => documents(readJson(blob, rows, never)).then((all) => all.map(({ text }) => text))
    expect(await texts(lines([{ text: 'a' }, { text: 'b' }]))).toEqual(['a', 'b'])
    expect(await texts(lines({ version: 1, data: [{ text: 'a' }] }))).toEqual(['a'])
    expect(await texts(lines(['a', 'b']))).toEqual(['a', 'b'])
  })

  it('refuses depth, endless lines and what is no JSON', async () => {
    const deep = '['.repeat(100_000)
    expect(() => ensureShallow(deep)).toThrow(expect.objectContaining({ code: 'json_too_deep' }))
    expect(() => ensureShallow(JSON.stringify({ text: `\\"${deep}` }))).not.toThrow()
    await expect(events(readJson(textBlob(deep), rows, never))).rejects.toMatchObject({ code: 'json_too_deep' })
    await expect(events(readJson(textBlob('{"a":'), rows, never))).rejects.toMatchObject({ code: 'json_invalid' })
    await expect(events(readJsonLines(textBlob('no json\n'.repeat(50)), rows, never))).rejects.toMatchObject({ code: 'json_invalid' })
    await expect(events(readJsonLines(textBlob(`{"text":"${'x'.repeat(9_000_000)}`), rows, never))).rejects.toMatchObject({
      code: 'row_too_long',
    })
    await expect(events(readJsonLines(lines({ id: 1 }), rows, never))).rejects.toMatchObject({ code: 'table_no_text' })
  })
})

describe('readCsv', () => {
  it.each([',', ';', '\t', '|'])('reads cells cut by %j, quoted ones with line ends and quotes in them', async (delimiter) => {
    const cells = [
      ['n', 'text'],
      ['1', `A "cell"${delimiter} with\na line end`],
      ['2', 'Another cell'],
    ]
    const read = await documents(readCsv(textBlob(Papa.unparse(cells, { delimiter })), rows, never))
    expect(read.map(({ text }) => text)).toEqual([cells[1][1], cells[2][1]])
  })

  it('gives back what any table holds, whatever the pieces', async () => {
    const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', 'é'), minLength: 1, maxLength: 12 }).map((text) => `x${text}x`)
    await fc.assert(
      fc.asyncProperty(fc.array(cell, { minLength: 1, maxLength: 30 }), async (texts) => {
        const csv = Papa.unparse([['id', 'text'], ...texts.map((text, i) => [String(i), text])])
        const read = await documents(readCsv(textBlob(csv), rows, never))
        expect(read.map(({ text }) => text)).toEqual(texts)
      }),
      { numRuns: 50 },
    )
  })

  it('reads rows across the borders of pieces', async () => {
    const texts = Array.from({ length: 3_000 }, (_, i) => `row ${i}, "${'words and more words '.repeat(20)}"`)
    const read = await documents(readCsv(textBlob(Papa.unparse([['id', 'text'], ...texts.map((text, i) => [i, text])])), rows, never))
    expect(read.map(({ text }) => text)).toEqual(texts)
  })

  it('refuses a million columns and a quote that never ends', async () => {
    const wide = `${Array.from({ length: 1_000_000 }, (_, i) => `c${i}`).join()}\n1,2\n`
    await expect(events(readCsv(textBlob(wide), rows, never))).rejects.toMatchObject({
      code: 'table_too_wide',
      meta: { columns: 1_000_000 },
    })
    const open = `a,b\n1,"${'x'.repeat(9_000_000)}`
    await expect(events(readCsv(textBlob(open), rows, never))).rejects.toMatchObject({ code: 'row_too_long' })
  })
})
