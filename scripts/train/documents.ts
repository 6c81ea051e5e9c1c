// The documents of a seeded datanet as JSON, for the Python of this folder: `node scripts/run.mjs scripts/train/documents.ts SLUG
// PACKAGE.tgz OUT.json`. The very texts that are indexed, so that an adapter learns the words that can be paid.
import { writeFileSync } from 'node:fs'
import { OpenChatError } from '../../src/errors.ts'
import { SEEDS } from '../seed-datanet.ts'

export async function main([slug, tarball, out]: string[]): Promise<void> {
  const source = SEEDS.find((seed) => seed.slug === slug)
  if (source === undefined || tarball === undefined || out === undefined) {
    throw new OpenChatError('usage', `Expected one of ${SEEDS.map((seed) => seed.slug).join(', ')}, a tarball and a file to write.`)
  }
  const documents = await source.read(tarball)
  writeFileSync(out, JSON.stringify(documents))
  process.stdout.write(`${documents.length} documents\n`)
}
