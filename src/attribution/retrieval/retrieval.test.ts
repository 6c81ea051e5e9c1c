import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import calibration from '../../../bench/questions/calibration.json'
import type { DocumentEntry } from '../types.ts'
import { estimateTokens, PASSAGE_TOKENS, passagesOf, sentencesOf } from './chunks.ts'
import { focusOf } from './focus.ts'
import { PassageIndex } from './passage-index.ts'
import { authorNames, readQuestion } from './question.ts'
import { retrieve, tokenRange } from './retrieve.ts'
import { stem } from './stem.ts'
import { isProse, isSilent, searchTermsOf, termOf } from './words.ts'

const entry = (document: number, author: string, year: number | null): DocumentEntry => ({
  document,
  contribution: document,
  contributor: '0x01',
  author,
  title: '',
  year,
  licence: '',
  order: document,
  tokens: 0,
})
const locate = (_: number, from: number, to: number) => ({ start: from, length: to - from })
const source = (datanet: string, ...texts: [string, string, number | null][]) => ({
  datanet,
  locate,
  index: new PassageIndex(texts.map(([author, text, year], document) => ({ document, text, entry: entry(document, author, year) }))),
})

describe('stem', () => {
  // Pairs printed in Porter's paper.
  it.each([
    ['caresses', 'caress'],
    ['ponies', 'poni'],
    ['agreed', 'agre'],
    ['plastered', 'plaster'],
    ['motoring', 'motor'],
    ['hopping', 'hop'],
    ['falling', 'fall'],
    ['filing', 'file'],
    ['happy', 'happi'],
    ['relational', 'relat'],
    ['vietnamization', 'vietnam'],
    ['electricity', 'electr'],
    ['adjustment', 'adjust'],
    ['adoption', 'adopt'],
    ['controll', 'control'],
  ])('%s → %s', (word, expected) => expect(stem(word)).toBe(expected))

  it('leaves other scripts and very short words alone', () => {
    expect(['is', 'ångström', 'мир', 'e4'].map(stem)).toEqual(['is', 'ångström', 'мир', 'e4'])
  })
})

describe('words', () => {
  it('meet across case, accents, possessives and inflection', () => {
    expect(new Set(["Nation's", 'NATIONS', 'nátion', 'national'].map(termOf)).size).toBe(1)
  })
  it('are names when they are identifiers, and parts of names too', () => {
    expect(termOf('AccessManaged')).not.toBe(termOf('AccessManager'))
    expect(searchTermsOf('_safeMint EIP-712 transferOwnership ERC20Permit McKinley')).toEqual([
      'safemint',
      'safe',
      'mint',
      'eip712',
      'transferownership',
      'transfer',
      'ownership',
      'erc20permit',
      'erc20',
      'permit',
      'mckinley',
    ])
  })
  it('tell prose from code', () => {
    expect(isProse('Throws if called by any account other than the owner (see `owner`).')).toBe(true)
    expect(isProse('{ _checkOwner(); _; }')).toBe(false)
  })
  it('ask without saying anything', () => {
    expect(['What', "didn't", 'say', 'president', 'navy', 'E4'].map(isSilent)).toEqual([true, true, true, true, false, false])
  })
})

describe('passages', () => {
  it('end at sentences, not at abbreviations', () => {
    const text = 'Mr. Webster met Gen. J. Smith at St. Louis. Was it late? "It was." They left.'
    expect(sentencesOf(text).map(({ from, to }) => text.slice(from, to).trim())).toEqual([
      'Mr. Webster met Gen. J. Smith at St. Louis.',
      'Was it late?',
      '"It was."',
      'They left.',
    ])
  })

  it('are disjoint, in order, within the limit, and lose nothing but white space', () => {
    const word = fc.constantFrom('peace', 'war', 'a', 'constitution', '1862', 'Mr.', 'end.', 'why?', 'and;', '\n\n', '𝔘𝔫', '。')
    fc.assert(
      fc.property(fc.array(word, { maxLength: 400 }), fc.integer({ min: 8, max: 120 }), (words, limit) => {
        const text = words.join(' ')
        const ranges = passagesOf(text, limit)
        let at = 0
        for (const { from, to } of ranges) {
          expect(text.slice(at, from).trim()).toBe('')
          expect(estimateTokens(text.slice(from, to))).toBeLessThanOrEqual(limit)
          expect(to).toBeGreaterThan(from)
          at = to
        }
        expect(text.slice(at).trim()).toBe('')
      }),
      { numRuns: 100 },
    )
  })

  it('keep a paragraph whole that fits, and a number with what it numbers', () => {
    const text = 'One two three four. Five six seven.\n\n 1. Eight nine ten eleven twelve. Thirteen.'
    expect(passagesOf(text, 18).map(({ from, to }) => text.slice(from, to))).toEqual(text.split('\n\n '))
    expect(sentencesOf('1. Eight nine. (b) Ten.').length).toBe(2)
  })

  it('cut a text without any mark or space, never between two halves of a character', () => {
    const text = '𝔘'.repeat(500)
    const pieces = passagesOf(text).map(({ from, to }) => text.slice(from, to))
    expect(pieces.join('')).toBe(text)
    expect(pieces.every((piece) => piece.isWellFormed() && estimateTokens(piece) <= PASSAGE_TOKENS)).toBe(true)
  })
})

describe('readQuestion', () => {
  const names = authorNames(
    ['Abraham Lincoln', 'Franklin D Roosevelt', 'Theodore Roosevelt', 'William Mc Kinley', 'James Monroe', 'Ulysses S Grant'].map(
      (author, i) => entry(i, author, 1800 + i),
    ),
  )
  const titles = { find: () => ({ weights: new Map(), names: 0, taken: [] }) }
  const read = (question: string) => readQuestion(question, { names, years: new Set([1800, 1803, 1804]), titles })

  it.each([
    ['What did Lincoln say about slavery?', ['Abraham Lincoln'], ['slaveri']],
    ['what did lincoln say', ['Abraham Lincoln'], []],
    ['Roosevelt on trusts', ['Franklin D Roosevelt', 'Theodore Roosevelt'], ['trust']],
    ['Theodore Roosevelt on trusts', ['Theodore Roosevelt'], ['trust']],
    ['What did FDR fear?', ['Franklin D Roosevelt'], ['fear']],
    ["McKinley's war", ['William Mc Kinley'], ['war']],
    ['What is the Monroe Doctrine?', [], ['monro', 'doctrin']],
    ['Should Congress grant land to settlers?', [], ['congress', 'grant', 'land', 'settler']],
  ])('%s', (question, authors, terms) => {
    expect([...read(question).authors].sort()).toEqual(authors)
    expect(read(question).terms).toEqual(terms)
  })

  it('reads years and decades that some document has, and keeps others as words', () => {
    expect([...read('the army in 1803').years]).toEqual([1803])
    expect([...read('the army of the 1800s').years]).toEqual([1800, 1803, 1804])
    expect(read('the army in 1999').terms).toEqual(['armi', '1999'])
  })
})

describe('focusOf', () => {
  const lines = [
    'The harvest of the year was good in every State, and the granaries of the land are full to the roof.',
    'Our navy must grow with our commerce, for a fleet that cannot be sent abroad defends no citizen abroad.',
    'Of the mails there is little to say.',
    'The post reaches every village of the Union within a week, and its revenue covers its cost in full.',
  ]
  const { index } = source('1', ['A', lines.join(' '), null])
  const focus = (terms: string[]) => {
    const { from, to } = focusOf({ terms, pairs: [] }, index, 0)
    return index.documents[0].text.slice(from, to)
  }
  it('begins with the sentence the question is about and takes what follows', () => {
    expect(focus(['navi', 'fleet'])).toBe(lines.slice(1).join(' '))
  })
  it('takes what stands before when the end comes soon', () => {
    expect(focus(['post', 'villag'])).toBe(lines.slice(2).join(' '))
  })
  it('leaves out a label before the first sentence', () => {
    const { index } = source('1', ['A', 'WARNING: Renouncing the role leaves the contract without an owner, for ever and ever.', null])
    const { from, to } = focusOf({ terms: ['role'], pairs: [] }, index, 0)
    expect(index.documents[0].text.slice(from, to)).toBe('Renouncing the role leaves the contract without an owner, for ever and ever.')
  })
  it('takes the beginning when no sentence holds more than another', () => {
    expect(focus([])).toBe(lines.slice(0, 3).join(' '))
  })
})

describe('retrieve', () => {
  const speeches = source(
    '1',
    [
      'George Washington',
      'To be prepared for war is one of the most effectual means of preserving peace. A free people ought to be armed.',
      1790,
    ],
    [
      'Abraham Lincoln',
      'In giving freedom to the slave, we assure freedom to the free. The dogmas of the quiet past are inadequate.',
      1862,
    ],
    ['Theodore Roosevelt', 'A strong navy is the surest guaranty of peace. The canal must be dug across the isthmus of Panama.', 1901],
    ['Harry S Truman', 'Every child should have health care. The farm price of wheat must not fall again.', 1949],
  )

  it('finds the passage that the question is about, with its place and entry', async () => {
    const { open, passages } = await retrieve('Why does the country need a strong navy?', [speeches])
    expect(open).toBe(true)
    expect(passages).toHaveLength(1)
    expect(passages[0]).toMatchObject({ datanet: '1', document: 2, entry: { author: 'Theodore Roosevelt' } })
    const text = speeches.index.documents[2].text
    expect(text.slice(passages[0].start, passages[0].start + passages[0].length)).toBe(passages[0].text)
  })

  it('lets a named author or year decide between passages', async () => {
    const first = async (question: string) => (await retrieve(question, [speeches])).passages[0]?.document
    expect(await first('What did Washington say about peace?')).toBe(0)
    expect(await first('What did Roosevelt say about peace?')).toBe(2)
    expect(await first('peace in 1901')).toBe(2)
  })

  it('lets a named document decide, whose text does not hold its own name', async () => {
    const text = 'You may copy the software freely. Patents are not granted by these terms, whoever asks for them.'
    const rival = 'The GPL grants patents, says the GPL. What the GPL says of patents is said here of the GPL.'
    const index = new PassageIndex(
      ['GNU General Public License (GPL-3.0)', 'Notes A', 'Notes B', 'Notes C', 'Notes D', 'Notes E'].map((title, document) => ({
        document,
        text: document === 0 ? text : rival,
        entry: { ...entry(document, 'A', null), title },
      })),
    )
    const { passages } = await retrieve('What does the GPL say about patents?', [{ datanet: '2', locate, index }])
    expect(passages.map(({ document }) => document)).toEqual([0])
  })

  it('prefers whole sentences to pieces of one', async () => {
    const piece = 'the fleet, the navy yards and the naval stores must all be kept in good repair for the defence of our coast;'
    const whole = 'The fleet, the navy yards and the naval stores must all be kept in good repair for the defence of our coast.'
    const { passages } = await retrieve('navy yards', [source('1', ['A', piece, null], ['B', whole, null])])
    expect(passages[0].text).toBe(whole)
  })

  it.each([
    'How long should I boil an egg?',
    'Write a haiku about the sea',
    'How do I fix a flat tire on my bike?',
    'What is the capital of Japan?',
    '',
    '?!',
    '日本の首都はどこですか',
  ])('stays closed for %j', async (question) => {
    const result = await retrieve(question, [speeches])
    expect(result).toMatchObject({ open: false, passages: [] })
    expect(result.score).toBeLessThan(result.threshold)
  })

  it.each(calibration.datanets)('opens a freshly pasted text for its own questions: $name', async ({ text, on, off }) => {
    const pasted = [source('2', ['A member', text, null])]
    const opened = async (questions: string[]) => {
      const results = await Promise.all(questions.map((question) => retrieve(question, pasted)))
      return results.filter(({ open }) => open).length
    }
    expect(await opened(on)).toBeGreaterThanOrEqual(on.length - 1)
    expect(await opened(off)).toBe(0)
  })

  it('takes the datanet that answers best when several are chosen', async () => {
    const bees = source('2', ['A member', calibration.datanets[0].text, null])
    for (const sources of [
      [speeches, bees],
      [bees, speeches],
    ]) {
      expect((await retrieve('When should varroa mites be treated?', sources)).passages[0].datanet).toBe('2')
      expect((await retrieve('Who wants a strong navy?', sources)).passages[0].datanet).toBe('1')
    }
  })

  it('gives several passages from different documents when asked', async () => {
    const { passages } = await retrieve('What about peace and war?', [speeches], { passages: 3 })
    expect(passages.map(({ document }) => document)).toEqual([0, 2])
  })

  it('reads an enormous question in bounded time and stops when cancelled', async () => {
    const started = performance.now()
    await retrieve('navy '.repeat(200_000), [speeches])
    expect(performance.now() - started).toBeLessThan(1_000)
    await expect(retrieve('navy', [speeches], { signal: AbortSignal.abort() })).rejects.toThrow()
  })

  it('survives empty, blank and binary documents', async () => {
    const odd = source('3', ['a', '', null], ['b', ' \n\n ', null], ['c', '\u0000\u0001\ufffd'.repeat(50), null])
    expect(await retrieve('What is said?', [odd, source('4')])).toMatchObject({ open: false, passages: [] })
  })
})

describe('tokenRange', () => {
  it('covers exactly the tokens that touch the range', () => {
    const offsets = [0, 3, 3, 7, 12]
    expect(tokenRange(offsets, 0, 12)).toEqual({ start: 0, length: 4 })
    expect(tokenRange(offsets, 3, 7)).toEqual({ start: 2, length: 1 })
    expect(tokenRange(offsets, 5, 8)).toEqual({ start: 2, length: 2 })
    expect(tokenRange(offsets, 4, 4)).toEqual({ start: 2, length: 0 })
  })
})
