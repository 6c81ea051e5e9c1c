import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import fc from 'fast-check'
import { toRlp } from 'viem'
import { describe, expect, it } from 'vitest'
import { decodeRlp, decodeUint, encodeRlp, encodeUint, type Rlp } from './rlp.ts'

const value = fc.letrec<{ rlp: Rlp }>((tie) => ({
  rlp: fc.oneof({ depthSize: 'small', maxDepth: 4 }, fc.uint8Array({ maxLength: 70 }), fc.array(tie('rlp'), { maxLength: 20 })),
})).rlp

const plain = (item: Rlp): unknown => (item instanceof Uint8Array ? bytesToHex(item) : item.map(plain))

describe('rlp', () => {
  it('encodes as viem does, and reads its own writing', () => {
    fc.assert(
      fc.property(value, (item) => {
        const encoded = encodeRlp(item)
        expect(bytesToHex(encoded)).toBe(bytesToHex(toRlp(item, 'bytes')))
        expect(plain(decodeRlp(encoded))).toEqual(plain(item))
      }),
      { numRuns: 200 },
    )
  })

  it('takes no second spelling: whatever it decodes encodes to the same bytes', () => {
    fc.assert(
      fc.property(value, fc.nat(), fc.nat(255), (item, at, byte) => {
        const bytes = encodeRlp(item).slice()
        bytes[at % bytes.length] = byte
        let decoded: Rlp
        try {
          decoded = decodeRlp(bytes)
        } catch (error) {
          expect(error).toMatchObject({ code: 'rlp_invalid' })
          return
        }
        expect(bytesToHex(encodeRlp(decoded))).toBe(bytesToHex(bytes))
      }),
      { numRuns: 300 },
    )
  })

  it.each([
    ['a small byte with a length', '8101'],
    ['a long form of a short string', `b801${'ff'}`],
    ['a length with a leading zero', `b90040${'ff'.repeat(64)}`],
    ['a string cut short', '83ffff'],
    ['a list that ends inside an item', 'c283ff'],
    ['bytes after the value', '8080'],
    ['nothing', ''],
    ['a length beyond memory', 'bfffffffffffffffff'],
    ['lists nested without end', 'c1'.repeat(30)],
  ])('refuses %s', (_, hex) => {
    expect(() => decodeRlp(hexToBytes(hex))).toThrow(expect.objectContaining({ code: 'rlp_invalid' }))
  })

  it('reads canonical integers only', () => {
    expect(decodeUint(encodeUint(2n ** 256n - 1n))).toBe(2n ** 256n - 1n)
    expect(decodeUint(encodeUint(0n))).toBe(0n)
    expect(() => decodeUint(hexToBytes('0001'))).toThrow('leading zero')
    expect(() => decodeUint([])).toThrow('a list where')
  })
})
