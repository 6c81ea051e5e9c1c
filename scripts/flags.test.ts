import { describe, expect, it } from 'vitest'
import { readFlags } from './flags.ts'

const spec = { values: ['model', 'prompt', 'adapter', 'count'], switches: ['raw'] }

describe('readFlags', () => {
  it('takes any value as it is, also one that looks like a flag', () => {
    const flags = readFlags(['--prompt', '--raw', '--model=a=b\nc', '--adapter', 'x', '--adapter', 'y'], spec)
    expect(flags.text('prompt')).toBe('--raw')
    expect(flags.on('raw')).toBe(false)
    expect(flags.required('model')).toBe('a=b\nc')
    expect(flags.all('adapter')).toEqual(['x', 'y'])
    expect(flags.all('count')).toEqual([])
  })

  it('reads numbers within their range', () => {
    expect(readFlags(['--count', '0.5'], spec).number('count', 1, 0)).toBe(0.5)
    expect(readFlags([], spec).integer('count', 7, 0)).toBe(7)
    for (const value of ['x', '', ' ', '-1', '0.5', 'Infinity', '11']) {
      expect(() => readFlags(['--count', value], spec).integer('count', 1, 0, 10)).toThrowError(expect.objectContaining({ code: 'usage' }))
    }
  })

  it.each([[['--frob']], [['stray']], [['--model']], [['--raw=1']], [['--Model', 'x']]])('refuses %j', (args) => {
    expect(() => readFlags(args, spec)).toThrowError(expect.objectContaining({ code: 'usage' }))
  })
})
