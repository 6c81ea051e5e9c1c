import { describe, expect, test } from 'vitest'
import { OpenChatError } from '../errors.ts'
import { estimateTokens, fitContext } from './context.ts'
import type { ChatMessage } from './ports.ts'

const user = (content: string): ChatMessage => ({ role: 'user', content })
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content })
const system: ChatMessage = { role: 'system', content: 'sys' }
/** One token a character: easy to reckon with. */
const engine = (contextTokens: number | null) => ({
  contextTokens,
  count: async (list: ChatMessage[], begin = '') => list.reduce((sum, { content }) => sum + content.length, begin.length),
})
const turns = (n: number) => Array.from({ length: n }, (_, i) => [user(`q${i}`.padEnd(10)), assistant(`a${i}`.padEnd(10))]).flat()

describe('fitContext', () => {
  test('sends everything that fits, and says so', async () => {
    const messages = [system, ...turns(3), user('now?')]
    expect(await fitContext(messages, 20, engine(87))).toEqual({
      messages,
      fit: { promptTokens: 67, answerTokens: 20, limit: 87, exact: true, droppedTurns: 0 },
    })
  })

  test('leaves out the fewest oldest turns that make room, whole, never the system message or the question', async () => {
    for (const [limit, dropped] of [
      [86, 1],
      [67, 1],
      [66, 2],
      [47, 2],
      [46, 3],
    ]) {
      const { messages, fit } = await fitContext([system, ...turns(3), user('now?')], 20, engine(limit))
      expect(fit.droppedTurns).toBe(dropped)
      expect(messages).toEqual([system, ...turns(3).slice(2 * dropped), user('now?')])
      expect(fit.promptTokens).toBe(67 - 20 * dropped)
    }
  })

  test('counts the words an answer begins with', async () => {
    expect((await fitContext([user('now?')], 20, engine(100), 'From the record:')).fit.promptTokens).toBe(20)
  })

  test('gives a long question what room is left for the answer, and refuses one that leaves none', async () => {
    const long = user('x'.repeat(60))
    expect((await fitContext([...turns(1), long], 50, engine(100))).fit).toMatchObject({ answerTokens: 40, droppedTurns: 1 })
    await expect(fitContext([long], 50, engine(80))).rejects.toMatchObject({ code: 'question_too_long' })
    await expect(fitContext([long], 50, engine(80))).rejects.toBeInstanceOf(OpenChatError)
  })

  test('drops nothing where the engine names no limit, and calls an estimate an estimate', async () => {
    expect((await fitContext([...turns(9), user('?')], 20, engine(null))).fit).toMatchObject({ droppedTurns: 0, limit: null })
    const { fit } = await fitContext([user('how many tokens are these words?')], 20, { contextTokens: 2048 })
    expect(fit).toMatchObject({ exact: false, promptTokens: estimateTokens([user('how many tokens are these words?')]) })
  })
})
