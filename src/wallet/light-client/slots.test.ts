import { describe, expect, it } from 'vitest'
import { keccak, toHex, uintWord } from '../../attribution/words.ts'
import { locate, type StorageLayout, unpack } from './slots.ts'

const variable = (slot: number, type: string, more: object = {}) => ({ slot, offset: 0, bytes: 32, type, ...more })

const layout: StorageLayout = {
  plain: variable(3, 'uint64', { offset: 21, bytes: 8 }),
  nested: variable(4, 'mapping(uint256 => mapping(bytes4 => bytes32))'),
  held: variable(7, 'mapping(address => struct Escrow.Deposit)', {
    members: {
      balance: variable(0, 'uint256'),
      unlockAt: variable(1, 'uint64', { offset: 8, bytes: 8 }),
      list: variable(2, 'uint64[]'),
    },
  }),
}

const slot = (...parts: Uint8Array[]) => BigInt(toHex(keccak(...parts)))
const word = (value: bigint) => toHex(uintWord(value))
const ACCOUNT = '0x00000000000000000000000000000000000000Aa'

describe('slots', () => {
  it('finds plain, mapped, nested and packed variables', () => {
    expect(locate(layout, ['plain'])).toEqual({ slot: word(3n), offset: 21, bytes: 8, type: 'uint64' })
    const outer = keccak(uintWord(5n), uintWord(4n))
    const key = new Uint8Array(32)
    key.set([0xde, 0xad, 0xbe, 0xef])
    expect(locate(layout, ['nested', 5, '0xdeadbeef']).slot).toBe(word(slot(key, outer)))
    const deposit = slot(uintWord(0xaan), uintWord(7n))
    expect(locate(layout, ['held', ACCOUNT, 'unlockAt'])).toMatchObject({ slot: word(deposit + 1n), offset: 8, bytes: 8 })
    const first = slot(uintWord(deposit + 2n))
    expect(locate(layout, ['held', ACCOUNT, 'list', 6])).toMatchObject({ slot: word(first + 1n), offset: 16, bytes: 8 })
  })

  it('takes the variable out of its slot', () => {
    expect(unpack(0x1122334455667788n << 64n, { slot: word(0n), offset: 10, bytes: 2, type: 'uint16' })).toBe(0x5566n)
  })

  it('refuses a path that the layout does not have', () => {
    const paths = [['other'], ['held', ACCOUNT], ['held'], ['plain', 'x'], ['held', ACCOUNT, 'nothing'], ['held', 5n, 'balance']]
    for (const path of paths) expect(() => locate(layout, path)).toThrow(expect.objectContaining({ code: 'layout_unknown' }))
  })
})
