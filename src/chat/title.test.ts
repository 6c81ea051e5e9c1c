import { expect, test } from 'vitest'
import { ask, newConversation, receive } from './conversation.ts'
import { suggestedTitle } from './title.ts'

const options = { askWithSources: false, datanets: [], payContributors: false, adapter: 'auto' as const, temperature: 0 }
let n = 0
const asked = (text: string) => ask(newConversation('c', 1, options), { text }, 1, () => `i${n++}`)

test('a question loses its manners and what comes after its first sentence', () => {
  expect(suggestedTitle(asked('Hello! Could you please tell me about the Monroe Doctrine? I have an exam.'))).toBe('The Monroe Doctrine?')
  expect(suggestedTitle(asked('please explain why ships float'))).toBe('Explain why ships float')
  expect(suggestedTitle(asked('Why a navy?'))).toBe(null)
  expect(suggestedTitle(asked('Hello'))).toBe(null)
})

test('an answer that begins with a heading names the conversation', () => {
  const c = asked('something about ships please')
  const heard = receive(c, c.messages[1].id, { type: 'text', text: '# The **age** of sail\n\nShips …' }, 2)
  expect(suggestedTitle(heard)).toBe('The age of sail')
  expect(suggestedTitle({ ...heard, title: 'The age of sail' })).toBe(null)
})
