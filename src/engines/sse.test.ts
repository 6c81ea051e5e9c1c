import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sseData } from './sse.ts'

async function* pieces(bytes: Uint8Array, cuts: number[]): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const cut of [...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    yield bytes.slice(at, cut)
    at = cut
  }
}

async function all(text: string, cuts: number[] = [], most?: number): Promise<string[]> {
  const found: string[] = []
  for await (const data of sseData(pieces(new TextEncoder().encode(text), cuts), most)) found.push(data)
  return found
}

describe('the data of an event stream', () => {
  test('is what the events say, with comments, other fields and every line end', async () => {
    expect(await all(': hello\r\n\r\ndata: {"a":1}\r\n\r\nevent: x\nid: 7\ndata:{"b":2}\n\ndata: one\rdata: two\r\rdata: last')).toEqual([
      '{"a":1}',
      '{"b":2}',
      'one\ntwo',
      'last',
    ])
  })

  test('does not depend on where the bytes are cut, in the middle of a character either', async () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replace(/[\r\n]/g, ''))
    const event = fc.record({ lines: fc.array(line, { minLength: 1, maxLength: 3 }), end: fc.constantFrom('\n', '\r\n') })
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 5 }), fc.array(fc.nat()), async (events, cuts) => {
        const text = events.map(({ lines, end }) => `${lines.map((data) => `data: ${data}${end}`).join('')}${end}`).join('')
        expect(await all(text, cuts)).toEqual(events.map(({ lines }) => lines.join('\n')))
      }),
    )
  })

  test('ends with an error when an event never ends', async () => {
    await expect(all(`data: ${'x'.repeat(200)}`, [], 100)).rejects.toThrow(RangeError)
    await expect(all('data: xxxxxxxxx\n'.repeat(20), [50, 90], 100)).rejects.toThrow(RangeError)
  })
})
