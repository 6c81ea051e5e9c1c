import { expect, test } from 'vitest'
import { grammarOf, highlighted } from './highlight.ts'

test('names after a fence find their grammar, also by other names; the rest stays plain', () => {
  expect(['ts', 'Python', 'c++', 'html', 'SOL'].map(grammarOf)).toEqual(['typescript', 'python', 'cpp', 'xml', 'typescript'])
  expect(['', 'brainfuck', 'constructor', '__proto__'].map(grammarOf)).toEqual([null, null, null, null])
})

test('a grammar arrives when it is first asked for, and tags in code stay text', async () => {
  const first = highlighted('const a = "<b>"', 'ts')
  expect(first).toBeInstanceOf(Promise)
  await first
  const markup = highlighted('const a = "<b>"', 'ts')
  expect(markup).toContain('<span class="hljs-keyword">const</span>')
  expect(markup).toContain('&lt;b&gt;')
  expect(highlighted('x'.repeat(30_000), 'ts')).toBe(null)
})
