// Where Solidity keeps a variable: from the compiler's storage layout and a path of names and keys to slot, offset and
// width. Nothing is read here (client.ts). Dynamic `bytes` and `string` are located, not decoded.
// Source: Solidity documentation, "Layout of State Variables in Storage and Transient Storage".

import type { Hex } from '../../attribution/types.ts'
import { fromHex, hashWord, keccak, toHex, uintWord } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'

/** solc's `storageLayout` output, in the parts that matter. */
export interface StorageLayout {
  readonly storage: readonly StorageVariable[]
  readonly types: Readonly<Record<string, StorageType>> | null
}
export interface StorageVariable {
  readonly label: string
  /** Bytes from the low end of the slot. */
  readonly offset: number
  readonly slot: string
  readonly type: string
}
export interface StorageType {
  readonly encoding: string
  readonly label: string
  readonly numberOfBytes: string
  readonly key?: string
  readonly value?: string
  readonly base?: string
  readonly members?: readonly StorageVariable[]
}

export interface Place {
  slot: Hex
  /** Bytes from the low end of the slot. */
  offset: number
  bytes: number
  type: string
}

/** A step into a variable: a member's name, a mapping's key, an array's index. */
export type Step = string | number | bigint

const WORD = 1n << 256n

const refuse = (why: string, path: readonly Step[]): never => {
  throw new OpenChatError('layout_unknown', `The storage layout has no ${path.map(String).join('.')}: ${why}.`, {
    meta: { path: path.map(String).join('.') },
  })
}

const wordOf = (slot: bigint): Hex => toHex(uintWord(slot % WORD))

/** Slot of `key` in the mapping at `slot`: keccak256(word(key) ‖ word(slot)). */
export function mappingSlot(slot: Hex, key: Hex): Hex {
  return toHex(keccak(hashWord(key), hashWord(slot)))
}

/** First slot of the elements of the dynamic array at `slot`. */
export function arraySlot(slot: Hex): Hex {
  return toHex(keccak(hashWord(slot)))
}

/** A mapping key as the word that is hashed: numbers and addresses on the right, fixed bytes on the left. */
function keyWord(step: Step, type: string, path: readonly Step[]): Hex {
  if (/^t_(uint|enum)/.test(type)) return wordOf(BigInt(step))
  if (typeof step !== 'string') return refuse(`a key of type ${type} is given as ${typeof step}`, path)
  if (/^t_(address|contract)/.test(type)) return toHex(uintWord(BigInt(toHex(fromHex(step as Hex, 20)))))
  const bytes = /^t_bytes(\d+)$/.exec(type)
  if (!bytes) return refuse(`keys of type ${type} are not supported`, path)
  return `0x${toHex(fromHex(step as Hex, Number(bytes[1])))
    .slice(2)
    .padEnd(64, '0')}`
}

/**
 * Where `path` lies: `locate(layout, ['headAt', 1n, 43n])`, `locate(layout, ['batches', 7n, 'total'])`.
 * @throws `layout_unknown`
 */
export function locate(layout: StorageLayout, path: readonly Step[]): Place {
  const [first, ...rest] = path
  const types = layout.types ?? {}
  const variable = layout.storage.find(({ label }) => label === first) ?? refuse('no such variable', path)
  let slot = BigInt(variable.slot)
  let offset = variable.offset
  let type = variable.type
  for (const step of rest) {
    const described = types[type] ?? refuse(`the type ${type} is not described`, path)
    if (described.encoding === 'mapping') {
      slot = BigInt(mappingSlot(wordOf(slot), keyWord(step, described.key!, path)))
      offset = 0
      type = described.value!
    } else if (described.members) {
      const member = described.members.find(({ label }) => label === step) ?? refuse('no such member', path)
      slot += BigInt(member.slot)
      offset = member.offset
      type = member.type
    } else if (described.base) {
      const width = Number(types[described.base].numberOfBytes)
      const index = BigInt(step)
      if (described.encoding === 'dynamic_array') slot = BigInt(arraySlot(wordOf(slot)))
      const perSlot = BigInt(Math.max(1, Math.floor(32 / width)))
      slot += width > 32 ? index * BigInt(width / 32) : index / perSlot
      offset = width > 32 ? 0 : Number(index % perSlot) * width
      type = described.base
    } else refuse(`${type} has no parts`, path)
  }
  const described = types[type] ?? refuse(`the type ${type} is not described`, path)
  return { slot: wordOf(slot), offset, bytes: Math.min(32, Number(described.numberOfBytes)), type }
}

/** The variable's own bits out of its whole slot, as an unsigned integer. */
export function unpack(word: bigint, { offset, bytes }: Place): bigint {
  return (word >> BigInt(8 * offset)) & ((1n << BigInt(8 * bytes)) - 1n)
}
