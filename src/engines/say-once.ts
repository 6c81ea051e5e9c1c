// Words that an answer is made to begin with, for engines that can only be asked to go on: some say them again.

/**
 * Passes text on, without the words that were already said if the engine says them again; null flushes what was held back.
 * Leading space is no difference: templates trim it.
 * @example const once = sayOnce('From the record:'); once('From the') // '' ; once(' record: so') // ' so'
 */
export function sayOnce(begin: string): (text: string | null) => string {
  const expected = begin.trim()
  let held = ''
  let open = expected === ''
  return (text) => {
    if (open) return text ?? ''
    held += text ?? ''
    const said = held.trimStart()
    if (text !== null && said.length < expected.length && expected.startsWith(said)) return ''
    open = true
    return said.startsWith(expected) ? said.slice(expected.length) : held
  }
}
