import { expect, test } from 'vitest'
import { Preferences } from './preferences.svelte.ts'

const KEY = 'open-chat/preferences'
const storage = (value?: string) => {
  const kept = new Map(value === undefined ? [] : [[KEY, value]])
  return { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, next: string) => void kept.set(key, next) }
}

test('choices are found again; paying is not one of them', () => {
  const place = storage()
  const first = new Preferences(place)
  first.nextTheme()
  first.learn({ askWithSources: false, datanets: ['1'], payContributors: true, adapter: 'auto', temperature: 0.7, seed: 4 })
  const again = new Preferences(place)
  expect(again.theme).toBe('light')
  expect(again.firstOptions()).toEqual({ askWithSources: false, datanets: [], payContributors: false, adapter: 'auto', temperature: 0.7 })
})

test('sampling and quick prompts are found again; what is cleared is forgotten', () => {
  const place = storage()
  const first = new Preferences(place)
  const options = { askWithSources: true, datanets: [], payContributors: false, adapter: null, temperature: 0.7 }
  first.learn({ ...options, topP: 0.9, topK: 40, maxTokens: 64, minP: 0.1, presencePenalty: -1 })
  first.saveQuickPrompt({ name: 'ships', text: 'About ships: ' })
  first.saveQuickPrompt({ name: 'ships', text: 'Of ships: ' })
  expect(new Preferences(place).firstOptions()).toMatchObject({ temperature: 0.7, topP: 0.9, topK: 40, maxTokens: 64, adapter: 'auto' })
  expect(new Preferences(place).firstOptions()).toMatchObject({ minP: 0.1, presencePenalty: -1 })
  expect(new Preferences(place).quickPrompts).toEqual([{ name: 'ships', text: 'Of ships: ' }])
  first.learn(options)
  first.removeQuickPrompt('ships')
  expect(new Preferences(place).firstOptions()).not.toHaveProperty('topP')
  expect(new Preferences(place).firstOptions()).not.toHaveProperty('presencePenalty')
  expect(new Preferences(place).quickPrompts).toEqual([])
})

test('a broken or hostile value is as good as none', () => {
  for (const value of ['{', 'null', '7', '[]', '{"theme":"<b>","temperature":"hot","disclosedPayment":"yes"}', '{"temperature":1e9}']) {
    const preferences = new Preferences(storage(value))
    expect(preferences.theme).toBe('auto')
    expect(preferences.disclosedPayment).toBe(false)
    expect(preferences.firstOptions().temperature).toBe(0)
  }
})
