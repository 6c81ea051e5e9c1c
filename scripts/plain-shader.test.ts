// What a page carries is what was tested: every kernel keeps its tokens, line by line. No GPU here compiles the wide ones as they travel.
import { readdirSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { plainShader } from './plain-shader.ts'

const token = /[\p{L}_]\w*|[.\d][\w.]*|\+\+|--|->|<<=?|>>=?|[-+*/%&|^=!<>]=|&&|\|\||\/[*/]|\S/gu
const tokensOf = (text: string) => text.split('\n').map((line) => line.match(token) ?? [])

const folder = 'src/gpu/kernels'
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.wgsl'))

it.each(files)('%s keeps its tokens', (file) => {
  const text = readFileSync(`${folder}/${file}`, 'utf8')
  const bare = text.replaceAll(/\/\/[^\n]*/g, '')
  expect(tokensOf(plainShader(text))).toEqual(tokensOf(bare))
  expect(plainShader(text).length).toBeLessThan(text.length)
})

it('would show a space that parted two of them', () => {
  expect(tokensOf('a + +b')).not.toEqual(tokensOf('a ++b'))
  expect(tokensOf('a / *b')).not.toEqual(tokensOf('a /*b'))
})
