import { describe, expect, it } from 'vitest'
import { memoryRecords } from './records.ts'

describe('records', () => {
  it('keeps namespaces apart, sorted by key, and hands out copies', async () => {
    const space = memoryRecords()
    const chats = space.open<{ title: string }>('conversations')
    await chats.set('b', { title: 'two' })
    await chats.set('a', { title: 'one' })
    const held = await chats.get('a')
    held!.title = 'changed'
    expect(await space.open('conversations').entries()).toEqual([
      ['a', { title: 'one' }],
      ['b', { title: 'two' }],
    ])
    expect(await chats.keys()).toEqual(['a', 'b'])
    expect(await space.open('outbox').entries()).toEqual([])
    await chats.delete('a')
    expect(await chats.get('a')).toBeUndefined()
  })

  it('updates in one step', async () => {
    const counter = memoryRecords().open<bigint>('nonces')
    const next = () => counter.update('payer', (n) => (n ?? 0n) + 1n)
    expect(new Set(await Promise.all([next(), next(), next()]))).toEqual(new Set([1n, 2n, 3n]))
  })

  it('refuses a namespace that is not one', () => {
    expect(() => memoryRecords().open('Out box')).toThrow('Expected a namespace')
  })
})
