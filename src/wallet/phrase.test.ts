import fc from 'fast-check'
import { mnemonicToAccount, privateKeyToAddress } from 'viem/accounts'
import { describe, expect, it } from 'vitest'
import { checkPhrase, keyOfPhrase, newPhrase } from './phrase.ts'

/** BIP-39's own vectors (entropy 00…, 7f…, 80…, ff…), and the phrase that every Ethereum devnet uses. */
const VECTORS = [
  'abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about',
  'legal winner thank year wave sausage worth useful legal winner thank yellow',
  'letter advice cage absurd amount doctor acoustic avoid letter advice cage above',
  'zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo zoo wrong',
  'void come effort suffer camp survey warrior heavy shoot primary clutch crush open amazing screen patrol group space point ten exist slush involve unfold',
]

describe('recovery phrase', () => {
  it('knows the published phrases, however they are typed', () => {
    for (const phrase of VECTORS) expect(checkPhrase(phrase)).toBe(phrase)
    const numbered = VECTORS[1]!.split(' ').map((word, i) => `${i + 1}. ${word.toUpperCase()}\n`)
    expect(checkPhrase(numbered.join(''))).toBe(VECTORS[1])
  })

  it('derives the addresses that other wallets do', async () => {
    expect(privateKeyToAddress(await keyOfPhrase(VECTORS[0]!))).toBe('0x9858EfFD232B4033E47d90003D41EC34EcaEda94')
    const devnet = 'test test test test test test test test test test test junk'
    expect(privateKeyToAddress(await keyOfPhrase(devnet))).toBe('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266')
    const fresh = newPhrase()
    expect(fresh.split(' ')).toHaveLength(12)
    expect(privateKeyToAddress(await keyOfPhrase(fresh))).toBe(mnemonicToAccount(fresh).address)
  })

  it('names the word that is none, with the one that was meant', () => {
    const words = VECTORS[1]!.split(' ')
    expect(() => checkPhrase(words.with(4, 'wawe').join(' '))).toThrow(/Word 5, “wawe”/)
    expect(() => checkPhrase(words.with(5, 'sausagge').join(' '))).toThrow(/Did you mean “sausage”/)
    expect(() => checkPhrase(words.slice(0, 11).join(' '))).toThrow(/has 11/)
    expect(() => checkPhrase('')).toThrow(/has 0/)
  })

  it('notices 15 of 16 wrong words and every phrase whose checksum does not hold', () => {
    const words = VECTORS[3]!.split(' ')
    expect(() => checkPhrase(words.with(11, 'zoo').join(' '))).toThrow(/do not belong together/)
    const known = [...new Set(VECTORS.flatMap((phrase) => phrase.split(' ')))]
    let passed = 0
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...known), { minLength: 12, maxLength: 12 }), (any) => {
        try {
          checkPhrase(any.join(' '))
          passed++
        } catch (error) {
          expect(error).toMatchObject({ code: 'phrase_invalid' })
        }
      }),
      { numRuns: 2000, seed: 7 },
    )
    // One in sixteen by chance: 125 expected, σ = 11.
    expect(passed).toBeGreaterThan(70)
    expect(passed).toBeLessThan(180)
  })
})
