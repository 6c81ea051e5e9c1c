import { expect, test } from 'vitest'
import { ask, type Conversation, newConversation, path, regenerate, show } from './conversation.ts'
import { removeTurn, restoreTurn } from './turn-removal.ts'

const options = { askWithSources: true, datanets: [], payContributors: false, adapter: null, temperature: 0 }
const texts = (c: Conversation) => path(c).map((m) => m.text || m.id)

/** Q1 a1 Q2 a2 Q3 a3, with a second answer b1 to Q1 that Q4 follows. */
function tree() {
  const ids = (list: string[]) => () => list.shift()!
  let c = ask(newConversation('c', 1, options), { text: 'Q1' }, 1, ids(['q1', 'a1']))
  c = ask(c, { text: 'Q2' }, 2, ids(['q2', 'a2']))
  c = ask(c, { text: 'Q3' }, 3, ids(['q3', 'a3']))
  c = regenerate(c, 'q1', {}, 4, ids(['b1']))
  c = ask(c, { text: 'Q4' }, 5, ids(['q4', 'b4']))
  return show(c, 'a1')
}

test('a turn goes with its answers; what followed it moves up, and comes back exactly', () => {
  const c = tree()
  expect(texts(c)).toEqual(['Q1', 'a1', 'Q2', 'a2', 'Q3', 'a3'])
  for (const [id, left] of [
    ['q2', ['Q1', 'a1', 'Q3', 'a3']],
    ['q3', ['Q1', 'a1', 'Q2', 'a2']],
    ['q1', ['Q2', 'a2', 'Q3', 'a3']],
  ] as const) {
    const taken = removeTurn(c, id, 9)!
    expect(texts(taken.conversation)).toEqual(left)
    const back = restoreTurn(taken.conversation, taken.removed, c.changedAt)
    expect(texts(back)).toEqual(texts(c))
    expect(texts(show(back, 'b1'))).toEqual(['Q1', 'b1', 'Q4', 'b4'])
    expect(back.messages.map((m) => [m.id, m.parent]).sort()).toEqual(c.messages.map((m) => [m.id, m.parent]).sort())
  }
})

test('the branch under another answer survives as a version of the question that moved up', () => {
  const { conversation } = removeTurn(tree(), 'q1', 9)!
  expect(texts(show(conversation, 'q4'))).toEqual(['Q4', 'b4'])
})

test('what was said after a removal is not lost by taking it back', () => {
  const taken = removeTurn(tree(), 'q3', 9)!
  const later = ask(taken.conversation, { text: 'Q5' }, 10, () => crypto.randomUUID())
  const back = restoreTurn(later, taken.removed, 11)
  expect(texts(back)).toEqual(['Q1', 'a1', 'Q2', 'a2', 'Q3', 'a3'])
  expect(back.messages.some((m) => m.text === 'Q5')).toBe(true)
  expect(removeTurn(tree(), 'nobody', 1)).toBeNull()
})
