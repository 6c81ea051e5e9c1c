// Where Solidity keeps a variable: from the generated storage layout and a path of names and keys to slot, offset and
// width. Nothing is read here (client.ts, contract-state.ts).
// Invariant: a path the layout does not have is refused; a slot is never guessed.
// Source: Solidity documentation, "Layout of State Variables in Storage": packing, mappings, dynamic arrays.
import type { Hex } from '../../attribution/types.ts'
import { fromHex, hashWord, keccak, toHex, uintWord } from '../../attribution/words.ts'
import { OpenChatError } from '../../errors.ts'

/** One variable or struct member, as `contracts.generated.ts` describes it. */
interface Variable {
  /** Of the variable; of a member, within its struct. */
  readonly slot: number
  /** Bytes from the low end of the slot. */
  readonly offset: number
  readonly bytes: number
  /** Solidity's name of the type, e.g. `mapping(uint256 => struct Batches.Batch)`. */
  readonly type: string
  /** Of the struct that the variable, or the value of its innermost mapping, holds. */
  readonly members?: Readonly<Record<string, Variable>>
}

export type StorageLayout = Readonly<Record<string, Variable>>

export interface Place {
  slot: Hex
  /** Bytes from the low end of the slot. */
  offset: number
  bytes: number
  type: string
}

/** A step into a variable: a mapping's key, an array's index, or a member's name. */
export type Step = string | number | bigint

const WORD = 1n << 256n
const wordOf = (slot: bigint): Hex => toHex(uintWord(slot % WORD))

function refuse(why: string, path: readonly Step[]): never {
  const name = path.map(String).join('.')
  throw new OpenChatError('layout_unknown', `The storage layout has no ${name}: ${why}.`, { meta: { path: name } })
}

/** Slot of `key` (as a word) in the mapping at `slot`: keccak256(key ‖ slot). */
function mappingSlot(slot: Hex, key: Hex): Hex {
  return toHex(keccak(hashWord(key), hashWord(slot)))
}

/** First slot of the elements of the dynamic array or long string at `slot`. */
export function arraySlot(slot: Hex): Hex {
  return toHex(keccak(hashWord(slot)))
}

/** Bytes of a value type, null for any other. */
function widthOf(type: string): number | null {
  if (type === 'bool' || type.startsWith('enum ')) return 1
  if (type.startsWith('address') || type.startsWith('contract ')) return 20
  const sized = /^(?:(u?int)|bytes)(\d+)$/.exec(type)
  return sized ? Number(sized[2]) / (sized[1] ? 8 : 1) : null
}

/** A mapping key as the word that is hashed: numbers and addresses stand right, fixed bytes left. */
function keyWord(step: Step, type: string, path: readonly Step[]): Hex {
  if (/^(uint\d+|enum )/.test(type)) return wordOf(BigInt(step))
  if (typeof step !== 'string') return refuse(`its key is of type ${type}`, path)
  if (/^(address|contract )/.test(type)) return `0x${step.slice(2).toLowerCase().padStart(64, '0')}`
  const bytes = /^bytes(\d+)$/.exec(type)
  if (!bytes) return refuse(`keys of type ${type} are not supported`, path)
  return `0x${toHex(fromHex(step as Hex, Number(bytes[1])))
    .slice(2)
    .padEnd(64, '0')}`
}

/**
 * Where `path` lies: `locate(storageLayout.datanets, ['headAt', 1n, 43n])`, `locate(…, ['batches', 7n, 'total'])`.
 * @throws `layout_unknown`
 */
export function locate(layout: StorageLayout, path: readonly Step[]): Place {
  const [name, ...steps] = path
  let variable = layout[String(name)] ?? refuse('no such variable', path)
  let slot = BigInt(variable.slot)
  let { offset, type } = variable
  for (const step of steps) {
    const mapping = /^mapping\(([^=]+?)(?: \w+)? => (.+)\)$/.exec(type)
    const array = /^(.+)\[\]$/.exec(type)
    if (mapping) {
      slot = BigInt(mappingSlot(wordOf(slot), keyWord(step, mapping[1], path)))
      offset = 0
      type = mapping[2]
    } else if (array) {
      const width = widthOf(array[1]) ?? refuse(`arrays of ${array[1]} are not supported`, path)
      const perSlot = BigInt(Math.floor(32 / width))
      const index = BigInt(step)
      slot = BigInt(arraySlot(wordOf(slot))) + index / perSlot
      offset = Number(index % perSlot) * width
      type = array[1]
    } else {
      variable = (type.startsWith('struct ') && variable.members?.[String(step)]) || refuse(`${type} has no such part`, path)
      slot += BigInt(variable.slot)
      offset = variable.offset
      type = variable.type
    }
  }
  if (type.startsWith('mapping(') || type.startsWith('struct ')) refuse(`${type} is no single value`, path)
  return { slot: wordOf(slot), offset, bytes: widthOf(type) ?? 32, type }
}

/** The variable's own bits out of its whole slot, as an unsigned integer. */
export function unpack(word: bigint, { offset, bytes }: Place): bigint {
  return (word >> BigInt(8 * offset)) & ((1n << BigInt(8 * bytes)) - 1n)
}
