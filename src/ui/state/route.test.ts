import fc from 'fast-check'
import { expect, test } from 'vitest'
import { addressOf, parseRoute, type Route } from './route.svelte.ts'

const id = fc.option(fc.string({ minLength: 1 }).filter((text) => text !== 'new'))
const route: fc.Arbitrary<Route> = fc.oneof(
  fc.record({ room: fc.constant('chat' as const), id }),
  fc.record({ room: fc.constant('verify' as const), id }),
  fc.record({
    room: fc.constant('datanets' as const),
    id: fc.string({ minLength: 1 }).filter((t) => t !== 'new' && t !== 'mine'),
    task: fc.constantFrom('read' as const, 'contribute' as const, 'curate' as const),
  }),
  fc.record({ room: fc.constant('datanets' as const), id: fc.constant(null), task: fc.constantFrom('create' as const, 'mine' as const) }),
)

test('an address names its route, whatever the id', () => {
  fc.assert(
    fc.property(route, (r) => {
      expect(parseRoute(addressOf(r))).toEqual(r)
    }),
  )
})

test('any address leads somewhere', () => {
  expect(parseRoute('')).toEqual({ room: 'chat', id: null })
  expect(parseRoute('#/nowhere/1')).toEqual({ room: 'chat', id: null })
  expect(parseRoute('#/chat/%')).toEqual({ room: 'chat', id: '%' })
  fc.assert(fc.property(fc.string(), (hash) => void parseRoute(hash)))
})
