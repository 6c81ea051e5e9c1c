// Damaged safetensors files and model folders, made with knowledge of the format: an entry of the header given another type,
// shape or place, a JSON file one of whose values is something else. Invariant: same seed, same files.
import { pick, type Random } from './fuzz-gguf.testing.ts'

type Json = Record<string, unknown>

/** One damaged file of `file`: its header edited as JSON, or its bytes in place. */
export function mutateSafetensors(file: Uint8Array, random: Random): Uint8Array {
  const headerBytes = Number(new DataView(file.buffer, file.byteOffset, 8).getBigUint64(0, true))
  const edited = random(5) === 0 ? file.slice() : withHeader(file, headerBytes, random)
  const view = new DataView(edited.buffer, edited.byteOffset, edited.byteLength)
  if (random(4) === 0) for (let i = 1 + random(3); i > 0; i--) edited[random(Math.min(edited.length, headerBytes + 16))] = random(256)
  if (random(4) === 0) edited[random(edited.length)] ^= 1 << random(8)
  if (random(16) === 0)
    view.setBigUint64(0, pick(random, [0n, 1n, 2n, 7n, 100_000_000n, 1n << 40n, 1n << 63n, BigInt(headerBytes + 1)]), true)
  return random(8) === 0 ? edited.slice(0, random(edited.length + 1)) : edited
}

function withHeader(file: Uint8Array, headerBytes: number, random: Random): Uint8Array {
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes))) as Record<string, Json>
  const names = Object.keys(header).filter((name) => name !== '__metadata__')
  for (let times = 1 + random(2); times > 0; times--) {
    const name = pick(random, names)
    const entry = header[name]
    if (typeof entry !== 'object' || entry === null) continue
    const other = pick(random, names)
    const kind = random(8)
    if (kind === 0) delete header[name]
    else if (kind === 1) {
      delete header[name]
      header[
        pick(random, [other, `${name}x`, name.replace(/\d+/, '9'), name.replace(/\d+/, '1'), name.replace('q_proj', 'v_proj'), '__proto__'])
      ] = entry
    } else if (kind === 2) entry.dtype = pick(random, ['F32', 'F16', 'BF16', 'I16', 'U8', 'F8_E4M3', 'F4', 7, null])
    else if (kind === 3)
      entry.shape = pick(random, [[], [1], [2, 2], [0], [-1], [2 ** 30, 2 ** 30], [1e300], 'x', [[1]], [1, 2, 3, 4, 5, 6, 7, 8, 9]])
    else if (kind === 4)
      entry.data_offsets = pick(random, [[0, 4], [4, 0], [0, 1e18], [-4, 4], [0.5, 2], [0], null, header[other]?.data_offsets])
    else if (kind === 5 && Array.isArray(entry.shape)) entry.shape = [...(entry.shape as number[])].reverse()
    else if (kind === 6) header[name] = { ...entry, shape: header[other]?.shape, data_offsets: header[other]?.data_offsets }
    else mutateJson(header, random)
  }
  const text = new TextEncoder().encode(JSON.stringify(header))
  const out = new Uint8Array(file.length - headerBytes + text.length)
  new DataView(out.buffer).setBigUint64(0, BigInt(text.length), true)
  out.set(text, 8)
  out.set(file.subarray(8 + headerBytes), 8 + text.length)
  return out
}

const odd = [
  null,
  true,
  false,
  0,
  1,
  -1,
  2,
  0.5,
  3.7,
  64,
  1e9,
  2 ** 31,
  1e300,
  '',
  'llama',
  'x',
  '9',
  [],
  [1],
  [null],
  {},
  { a: 1 },
  '(a+)+$',
  '\ud800',
]

/** Changes one value somewhere in a JSON tree: to something odd, to that of another key, or away. */
export function mutateJson(json: Json, random: Random): void {
  let at: Json | unknown[] = json
  for (let depth = 0; depth < 6; depth++) {
    const keys = Object.keys(at)
    if (keys.length === 0) return
    const key = pick(random, keys) as keyof typeof at
    const inner: unknown = at[key]
    if (typeof inner === 'object' && inner !== null && Object.keys(inner).length > 0 && random(4) > 0) {
      at = inner as Json
      continue
    }
    if (random(5) === 0 && !Array.isArray(at)) delete (at as Json)[key as string]
    else (at as Json)[key as string] = random(6) === 0 ? at[pick(random, keys) as keyof typeof at] : pick(random, odd)
    return
  }
}

/** A text that is JSON no more, or barely. */
export function mutateText(text: string, random: Random): string {
  const at = random(text.length + 1)
  return pick(random, [
    text.slice(0, at),
    `${text.slice(0, at)}${pick(random, ['}', '"', '[', '\u0000', ','])}${text.slice(at + 1)}`,
    '',
    'null',
    '[]',
  ])
}
