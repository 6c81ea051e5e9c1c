// The source of an answer cut into top-level markdown blocks, so that a streaming answer parses its last block and no other.
// It cuts; markdown.ts parses for good and draws. Pure, given a lexer.
// Invariants: blocks are ranges of the source, in order, each beginning at a line; cutting a text as it grows gives the
// same blocks as cutting it whole (blocks.test.ts). A block is settled once a blank line and another block follow it: nothing that
// comes later can change it, except a link definition, which only blocks with a bracket can feel.

export interface Block {
  /** UTF-16 range of the source. */
  from: number
  to: number
  raw: string
}

export interface LexedBlock {
  type: string
  raw: string
}

export class BlockSplitter {
  #source = ''
  #settled: Block[] = []
  #settledTo = 0
  #definitions: string[] = []

  constructor(private lex: (source: string) => LexedBlock[]) {}

  /** Blocks of `source`, and the link definitions in it. Quick when `source` only grew since the last call. */
  split(source: string): { blocks: Block[]; definitions: string } {
    // The lexer would turn \r\n into one character, and ranges would slip.
    const text = source.replaceAll('\r', ' ')
    if (!text.startsWith(this.#source.slice(0, this.#settledTo))) {
      this.#settled = []
      this.#settledTo = 0
      this.#definitions = []
    }
    this.#source = text
    const tail = text.slice(this.#settledTo)
    const tokens = placed(this.lex(tail), tail)
    if (tokens === null) return this.#whole(tail)

    const base = this.#settledTo
    const last = tokens.findLastIndex((token, i) => {
      const before = tokens.slice(0, i).findLast(({ type }) => type !== 'space')
      // Without a blank line between, an underline below can still make one heading of both.
      return token.type !== 'space' && before !== undefined && /\n[ \t]*\n/.test(tail.slice(before.at + before.raw.length, token.at))
    })
    const open: Block[] = []
    const openDefinitions: string[] = []
    tokens.forEach(({ type, raw, at }, i) => {
      const block = { from: base + at, to: base + at + raw.length, raw }
      const settles = i < last
      if (type === 'def') (settles ? this.#definitions : openDefinitions).push(raw)
      else if (type !== 'space') (settles ? this.#settled : open).push(block)
      if (settles) this.#settledTo = block.to
    })
    return { blocks: [...this.#settled, ...open], definitions: [...this.#definitions, ...openDefinitions].join('\n\n') }
  }

  #whole(tail: string) {
    const rest = tail === '' ? [] : [{ from: this.#settledTo, to: this.#settledTo + tail.length, raw: tail }]
    return { blocks: [...this.#settled, ...rest], definitions: this.#definitions.join('\n\n') }
  }
}

/** Where each token stands, blanks at its end left out: the lexer rewrites those. If it changed anything else, null: the text stays one block. */
function placed(tokens: LexedBlock[], text: string): (LexedBlock & { at: number })[] | null {
  const found: (LexedBlock & { at: number })[] = []
  let at = 0
  for (const token of tokens) {
    const raw = token.raw.trimEnd()
    while (!text.startsWith(raw, at) && /\s/.test(text[at] ?? '')) at++
    if (!text.startsWith(raw, at)) return null
    found.push({ type: token.type, raw, at })
    at += raw.length
  }
  return text.slice(at).trim() === '' ? found : null
}
