// Keeps src/wallet/contracts.generated.ts fresh: it must be what the contracts of this tree give. Costs a compilation where
// none is cached.
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type Artifacts, CONTRACT_NAMES, compileContracts, generatedSource, repository } from './compile.ts'

let artifacts: Artifacts

it('compiles the contracts below the size limit of a chain', { timeout: 60_000 }, async () => {
  artifacts = await compileContracts(join(repository, '.open-chat', 'contracts'))
  for (const name of CONTRACT_NAMES) {
    const bytes = (artifacts[name].bytecode.length - 2) / 2
    // EIP-170 limits the code kept, EIP-3860 the code sent; the constructor of `Attributions` carries `Payouts` as well.
    expect(bytes, name).toBeGreaterThan(1_000)
    expect(bytes, name).toBeLessThan(24_576)
  }
})

it('finds the generated ABIs and slots as the contracts give them', async () => {
  const generated = await readFile(join(repository, 'src', 'wallet', 'contracts.generated.ts'), 'utf8')
  expect(generated, 'run `node scripts/run.mjs devnet/compile.ts`').toBe(generatedSource(artifacts))
})
