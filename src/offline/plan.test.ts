import { describe, expect, it } from 'vitest'
import { answererOf, outdated, versionOf } from './plan.ts'

const origin = 'https://chat.example'
const copied = new Set(['/index.html', '/manifest.webmanifest', '/icons/mark.svg'])
const ask = (path: string, more = {}) =>
  answererOf({ method: 'GET', url: new URL(path, origin).href, mode: 'cors', ranged: false, ...more }, origin, copied)

describe('who answers', () => {
  it('takes the page and its parts from the cache', () => {
    expect(ask('/', { mode: 'navigate' })).toBe('page')
    expect(ask('/?x=1', { mode: 'navigate' })).toBe('page')
    expect(ask('/assets/chat-abc.js')).toBe('asset')
    expect(ask('/icons/mark.svg')).toBe('copy')
    expect(ask('/catalogue.json')).toBe('freshest')
  })

  it('leaves alone what may change, what is large and kept elsewhere, and what is not ours', () => {
    for (const path of ['/devnet.json', '/models/x.gguf', '/datanets/d/manifest.json', '/adapters/a/w.safetensors', 'https://rpc.example/'])
      expect(ask(path)).toBe('network')
    expect(ask('/assets/chat-abc.js', { method: 'POST' })).toBe('network')
    expect(ask('/assets/wllama.wasm', { ranged: true })).toBe('network')
    expect(ask('/elsewhere.html', { mode: 'navigate' })).toBe('network')
  })
})

it('names a version by its files, in whatever order they are listed', () => {
  const files = [
    { url: 'index.html', revision: 'a' },
    { url: 'assets/x.js', revision: null },
  ]
  expect(versionOf(files)).toBe(versionOf([...files].reverse()))
  expect(versionOf(files)).not.toBe(versionOf([{ url: 'index.html', revision: 'b' }, files[1]]))
})

it('keeps the version before its own, for tabs that still show it', () => {
  expect(outdated(['page-1', 'page-2', 'other', 'page-3'], 'page-3')).toEqual(['page-1'])
  expect(outdated(['page-1', 'page-2'], 'page-2')).toEqual([])
})
