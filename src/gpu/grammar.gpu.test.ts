// Answers held to a shape, on a tiny model whose own words are random letters: whatever the schema, what comes out parses and is
// what the schema asks; on the device and here. What is held is not sense, only form.
import * as fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { loadNodeGrammar } from '../../scripts/node-grammar.ts'
import { tinyModel } from '../../scripts/tiny-model.ts'
import { openTestDevice } from './device.testing.ts'
import { loadEngine } from './engine.ts'
import { memorySource } from './formats/bytes.testing.ts'
import type { CompletionEvent, CompletionRequest, Engine, ResponseFormat } from './types.ts'

const device = await openTestDevice()
const source = () => memorySource(tinyModel({ type: 'Q4_1', seed: 3, contextTokens: 1024 }))
const open = (decodeVariant: 'lanes' | 'thread-1') => loadEngine({ device, source: source(), decodeVariant, grammar: loadNodeGrammar })
const here = await open('thread-1')
const onDevice = await open('lanes')
afterAll(() => {
  here.dispose()
  onDevice.dispose()
})

type End = Extract<CompletionEvent, { type: 'end' }>

async function answer(engine: Engine, responseFormat: ResponseFormat, request: Partial<CompletionRequest> = {}): Promise<End> {
  const tokens = [40, 50, 60, 70]
  let end: CompletionEvent | undefined
  for await (end of engine.complete({ tokens, maxTokens: 900, temperature: 1, responseFormat, ...request }));
  return end as End
}

/** A schema, and what must hold of a value under it. */
interface Shape {
  schema: Record<string, unknown>
  holds: (value: unknown) => boolean
}

const leaf: fc.Arbitrary<Shape> = fc.oneof(
  fc.constant({ schema: { type: 'boolean' }, holds: (value: unknown) => typeof value === 'boolean' }),
  fc.constant({ schema: { type: 'null' }, holds: (value: unknown) => value === null }),
  fc.record({ least: fc.integer({ min: -50, max: 50 }), span: fc.nat(200) }).map(({ least, span }) => ({
    schema: { type: 'integer', minimum: least, maximum: least + span },
    holds: (value: unknown) => Number.isInteger(value) && (value as number) >= least && (value as number) <= least + span,
  })),
  fc.uniqueArray(fc.constantFrom('red', 'green', 'blue', 'a b', 'é', '"'), { minLength: 1, maxLength: 4 }).map((words) => ({
    schema: { enum: words },
    holds: (value: unknown) => (words as unknown[]).includes(value),
  })),
  fc.nat(9).map((most) => ({
    schema: { type: 'string', maxLength: most },
    holds: (value: unknown) => typeof value === 'string' && [...value].length <= most,
  })),
)

const shape: fc.Arbitrary<Shape> = fc.letrec<{ any: Shape }>((tie) => ({
  any: fc.oneof(
    { depthSize: 'small', maxDepth: 3 },
    leaf,
    fc.tuple(tie('any'), fc.integer({ min: 0, max: 2 }), fc.nat(2)).map(([item, least, more]) => ({
      schema: { type: 'array', items: item.schema, minItems: least, maxItems: least + more },
      holds: (value: unknown) => Array.isArray(value) && value.length >= least && value.length <= least + more && value.every(item.holds),
    })),
    fc.dictionary(fc.constantFrom('name', 'age', 'tags', 'x-y'), tie('any'), { minKeys: 1, maxKeys: 3 }).map((parts) => {
      const names = Object.keys(parts)
      const properties = Object.fromEntries(names.map((name) => [name, parts[name].schema]))
      return {
        schema: { type: 'object', properties, required: names, additionalProperties: false },
        holds: (value: unknown) => {
          if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
          const found = value as Record<string, unknown>
          return Object.keys(found).length === names.length && names.every((name) => name in found && parts[name].holds(found[name]))
        },
      }
    }),
  ),
})).any

describe('a JSON schema', () => {
  it('is what thirty random ones get', async () => {
    const shapes = fc.sample(shape, { numRuns: 30, seed: 20261121 })
    expect(new Set(shapes.map(({ schema }) => JSON.stringify(schema))).size).toBeGreaterThan(25)
    for (const [seed, { schema, holds }] of shapes.entries()) {
      const end = await answer(seed % 3 === 0 ? onDevice : here, { type: 'json_schema', schema }, { seed, temperature: seed % 2 })
      expect(end.reason, JSON.stringify(schema)).toBe('stop')
      expect(holds(JSON.parse(end.text)), `${end.text} under ${JSON.stringify(schema)}`).toBe(true)
    }
  })

  it('draws the same on the device and here, and leaves rows without one alone', async () => {
    const schema = { type: 'array', items: { type: 'integer' }, minItems: 3, maxItems: 3 }
    const one = await answer(here, { type: 'json_schema', schema }, { seed: 9 })
    let free: CompletionEvent | undefined
    const beside = (async () => {
      for await (free of onDevice.complete({ tokens: [1, 2, 3], maxTokens: 8, temperature: 0 }));
    })()
    expect((await answer(onDevice, { type: 'json_schema', schema }, { seed: 9 })).tokens).toEqual(one.tokens)
    await beside
    let alone: CompletionEvent | undefined
    for await (alone of here.complete({ tokens: [1, 2, 3], maxTokens: 8, temperature: 0 }));
    expect((free as End).tokens).toEqual((alone as End).tokens)
  })
})

it('a grammar of one’s own is kept, and any JSON is an object', async () => {
  const grammar = 'root ::= ("yes" | "no") "!" [0-9]{2}'
  for (const seed of [1, 2, 3]) expect((await answer(here, { type: 'grammar', grammar }, { seed })).text).toMatch(/^(yes|no)![0-9]{2}$/)
  const found = await answer(here, { type: 'json_object' }, { seed: 4, maxTokens: 60, logitBias: { [braceId()]: 30 } })
  expect(typeof JSON.parse(found.text)).toBe('object')
})

/** The token `}`, so that an object of random letters comes to its end. */
function braceId(): number {
  return here.encode('}')[0]
}

describe('a format that cannot be compiled', () => {
  it('is a typed error, however many there are, and the next good one is answered', async () => {
    const bad: ResponseFormat[] = [
      { type: 'json_schema', schema: { type: 'nonsense' } },
      { type: 'json_schema', schema: { $ref: '#/definitions/none' } },
      { type: 'json_schema', schema: { type: 'string', pattern: '(?<=a)b' } },
      { type: 'grammar', grammar: 'root ::= missing' },
    ]
    for (const format of bad) await expect(answer(here, format)).rejects.toMatchObject({ code: 'grammar_invalid' })
    expect((await answer(here, { type: 'json_schema', schema: { type: 'boolean' } })).text).toMatch(/^(true|false)$/)
  })

  it('is told apart from a library that is not there', async () => {
    const bare = await loadEngine({ device, source: source(), decodeVariant: 'thread-1' })
    await expect(answer(bare, { type: 'json_object' })).rejects.toMatchObject({ code: 'grammar_unavailable' })
    bare.dispose()
  })
})
