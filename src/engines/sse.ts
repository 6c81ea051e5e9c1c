// Server-sent events out of a byte stream, as the streaming chat-completions endpoints use them: only `data` fields count.
// Not an EventSource: no reconnection, no ids, no event names.
// Invariants: an event may be cut anywhere, in the middle of a character too; line ends are \n, \r\n or \r; comments and
// other fields are passed over; what stands before the end of the stream without an empty line after it is still an event.
// Source: WHATWG HTML, "Server-sent events", interpreting an event stream.

/** The data of each event, its lines joined by \n. @throws what reading throws, RangeError when an event exceeds `mostCharacters` */
export async function* sseData(bytes: AsyncIterable<Uint8Array>, mostCharacters = 1 << 20): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  let data: string[] = []
  let held = 0
  for await (const chunk of bytes) {
    rest += decoder.decode(chunk, { stream: true })
    // A \r at the end may be half of a \r\n.
    for (let line = cutLine(rest); line !== null; line = cutLine(rest)) {
      rest = rest.slice(line.end)
      if (line.text === '') {
        if (data.length > 0) yield data.join('\n')
        data = []
        held = 0
      } else {
        const value = dataOf(line.text)
        if (value === null) continue
        data.push(value)
        held += value.length
      }
      if (held > mostCharacters) throw tooLong(mostCharacters)
    }
    if (rest.length > mostCharacters) throw tooLong(mostCharacters)
  }
  const value = dataOf((rest + decoder.decode()).replace(/\r$/, ''))
  if (value !== null) data.push(value)
  if (data.length > 0) yield data.join('\n')
}

function cutLine(text: string): { text: string; end: number } | null {
  const at = text.search(/[\r\n]/)
  if (at === -1) return null
  if (text[at] === '\r') {
    if (at + 1 === text.length) return null
    return { text: text.slice(0, at), end: text[at + 1] === '\n' ? at + 2 : at + 1 }
  }
  return { text: text.slice(0, at), end: at + 1 }
}

function dataOf(line: string): string | null {
  const match = /^data(?:: ?([\s\S]*))?$/.exec(line)
  return match === null ? null : (match[1] ?? '')
}

const tooLong = (most: number) => new RangeError(`An event of the stream has more than ${most} characters.`)
