// The printable alphabet in which byte-level BPE files write bytes, and back. Not UTF-8 decoding: bytes come out raw.
// Source: GPT-2's bytes_to_unicode: 188 printable Latin-1 bytes stand for themselves, the other 68 are U+0100 onwards.

/** byteCharacters[b] is the character that writes byte b. */
export const byteCharacters: string[] = []
const byteOf = new Map<string, number>()

let next = 0x100
for (let byte = 0; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae
  byteCharacters.push(String.fromCodePoint(printable ? byte : next++))
  byteOf.set(byteCharacters[byte], byte)
}

/** Bytes of a token written in the alphabet; a token that is not (an added word) is taken as plain UTF-8. */
export function tokenBytes(token: string): Uint8Array {
  const bytes: number[] = []
  for (const character of token) {
    const byte = byteOf.get(character)
    if (byte === undefined) return new TextEncoder().encode(token)
    bytes.push(byte)
  }
  return Uint8Array.from(bytes)
}
