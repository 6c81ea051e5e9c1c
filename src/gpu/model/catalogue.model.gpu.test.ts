// What the catalogue says of its model, against the model's file.
import { dirname } from 'node:path'
import { expect, it } from 'vitest'
import catalogue from '../../../public/catalogue.json'
import { completed } from '../../../scripts/catalogue-models.ts'
import { defaultModelPath } from '../../../scripts/node-engine.ts'

it('says of each model what its file says: chunks, architecture, memory', async () => {
  for (const model of catalogue.models) expect(await completed(model, dirname(defaultModelPath()))).toEqual(model)
})
