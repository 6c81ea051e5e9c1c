import fc from 'fast-check'
import Papa from 'papaparse'
import { describe, expect, it } from 'vitest'
import { open } from '../format.ts'
import type { ReceiptSummary } from '../services.ts'
import { weiOf } from './amount.ts'
import { cell, ledgerCsv } from './csv.ts'
import { EVERYTHING, filterReceipts } from './filter.ts'
import { dayOf, flowsByDay } from './flows.ts'

const at = (day: string, time = '10:00') => +new Date(`${day}T${time}`)
const receipt = (n: number, over: Partial<ReceiptSummary> = {}): ReceiptSummary => ({
  id: `0x${String(n).padStart(64, '0')}`,
  at: at('2026-11-01'),
  fee: 10n ** 15n,
  excerpt: 'From the record',
  text: 'From the record: the navy.\nWhy a navy?',
  state: { state: 'paid', batch: n },
  datanets: ['1'],
  trouble: null,
  retryAt: null,
  ...over,
})

describe('amounts', () => {
  it('are what was typed, to the wei', () => {
    expect(weiOf('0.25')).toBe(25n * 10n ** 16n)
    expect(weiOf(' 1,5 ')).toBe(15n * 10n ** 17n)
    expect(weiOf('.000000000000000001')).toBe(1n)
    for (const none of ['', '.', '0', '0.0', '-1', '1e3', '0x1', '1 2', '0.0000000000000000001', 'NaN']) expect(weiOf(none)).toBeNull()
  })

  it('come back from what is shown in full', () => {
    fc.assert(fc.property(fc.bigInt({ min: 1n, max: 10n ** 29n }), (wei) => weiOf(open(wei, 18)) === wei))
  })
})

describe('filters', () => {
  const all = [
    receipt(1),
    receipt(2, { state: { state: 'signed' }, fee: 5n * 10n ** 15n, at: at('2026-11-03', '23:59') }),
    receipt(3, { datanets: ['2'], text: 'Census of 1900', at: at('2026-11-02', '00:00') }),
  ]
  const shown = (filter: Partial<typeof EVERYTHING>) => filterReceipts(all, { ...EVERYTHING, ...filter }).map(({ id }) => Number(id))
  it.each([
    [{}, [1, 2, 3]],
    [{ state: 'signed' as const }, [2]],
    [{ datanet: '2' }, [3]],
    [{ from: '2026-11-02' }, [2, 3]],
    [{ to: '2026-11-02' }, [1, 3]],
    [{ from: '2026-11-03', to: '2026-11-03' }, [2]],
    [{ least: '0.005' }, [2]],
    [{ least: 'much' }, [1, 2, 3]],
    [{ words: 'NAVY why' }, [1, 2]],
    [{ words: 'navy census' }, []],
  ])('%j', (filter, ids) => {
    expect(shown(filter)).toEqual(ids)
  })
})

describe('flows by day', () => {
  it('count what was not refused, fill the days between, and lose nothing', () => {
    const flows = flowsByDay(
      [receipt(1), receipt(2, { at: at('2026-11-04') }), receipt(3, { state: { state: 'refused', reason: 'x' } })],
      [{ batch: 1, wei: 7n, at: at('2026-11-02') / 1000 }],
    )
    expect(flows.map(({ day, earned, spent }) => [day, earned, spent])).toEqual([
      ['2026-11-01', 0n, 10n ** 15n],
      ['2026-11-02', 7n, 0n],
      ['2026-11-03', 0n, 0n],
      ['2026-11-04', 0n, 10n ** 15n],
    ])
    expect(flowsByDay([], [])).toEqual([])
  })

  it('have one entry a day over changes of the clock', () => {
    const flows = flowsByDay([receipt(1, { at: at('2026-03-01') }), receipt(2, { at: at('2026-11-15') })], [])
    expect(flows).toHaveLength(260)
    expect(new Set(flows.map(({ day }) => day)).size).toBe(260)
    expect(flows[0]!.day).toBe(dayOf(at('2026-03-01')))
  })
})

describe('CSV', () => {
  it('cannot be a formula, and is read back as it was by a parser', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'binary' }), { minLength: 1, maxLength: 5 }), (texts) => {
        // After a header, as in the file: what begins the text may be taken for a byte order mark. And told the comma: it guesses others.
        const lines = `header\r\n${texts.map(cell).join(',')}\r\n`
        const [, row] = Papa.parse<string[]>(lines, { newline: '\r\n', delimiter: ',' }).data
        if (texts.length > 1 || texts[0] !== '') expect(row).toEqual(texts.map((text) => (/^[=+\-@\t\r\n]/.test(text) ? `'${text}` : text)))
        for (const value of row ?? []) expect(value).not.toMatch(/^[=+\-@\t\r\n]/)
      }),
      { numRuns: 500, examples: [[['a\tb']], [['a|b']], [['\ufeffa']], [['a;b', 'c;d']]] },
    )
  })

  it('holds every amount in wei and in OPEN, newest first', () => {
    const text = ledgerCsv([receipt(1, { excerpt: '=HYPERLINK("http://x")' })], [{ batch: 9, wei: 1n, at: at('2026-11-02') / 1000 }])
    const { data } = Papa.parse<Record<string, string>>(text, { header: true, skipEmptyLines: true })
    expect(data).toMatchObject([
      { kind: 'earned', amount_wei: '1', amount_open: '0.000000000000000001', batch: '9' },
      { kind: 'spent', amount_wei: '1000000000000000', amount_open: '0.001', batch: '1', words: `'=HYPERLINK("http://x")` },
    ])
  })
})
