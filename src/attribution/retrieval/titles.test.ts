import { describe, expect, it } from 'vitest'
import type { DocumentEntry } from '../types.ts'
import { TitleNames } from './titles.ts'

const entries = (titles: string[]): DocumentEntry[] =>
  titles.map((title, document) => ({
    document,
    contribution: 0,
    contributor: '0x01',
    author: '',
    title,
    year: null,
    licence: '',
    order: 1,
    tokens: 0,
  }))

const licences = [
  'MIT License (MIT)',
  'Enlightenment License (MIT-advertising)',
  'GNU General Public License v1.0 only (GPL-1.0)',
  'GNU General Public License v2.0 only (GPL-2.0)',
  'GNU General Public License v3.0 only (GPL-3.0)',
  'GNU General Public License v2.0 w/Autoconf exception (GPL-2.0-with-autoconf-exception)',
  'GNU Lesser General Public License v2.1 only (LGPL-2.1)',
  'Mozilla Public License 1.1 (MPL-1.1)',
  'Mozilla Public License 2.0 (MPL-2.0)',
  'Apache License 1.1 (Apache-1.1)',
  'Apache License 2.0 (Apache-2.0)',
  'BSD 2-Clause "Simplified" License (BSD-2-Clause)',
  'BSD 3-Clause "New" or "Revised" License (BSD-3-Clause)',
  'Creative Commons Attribution 4.0 International (CC-BY-4.0)',
  'Creative Commons Attribution Non Commercial 4.0 International (CC-BY-NC-4.0)',
  'Fair License (Fair)',
  'LaTeX Project Public License v1.3c (LPPL-1.3c)',
]
const contracts = [
  'Ownable (access/Ownable.sol)',
  'Ownable2Step (access/Ownable2Step.sol)',
  'AccessManager (access/manager/AccessManager.sol)',
  'AccessManaged (access/manager/AccessManaged.sol)',
  'Address (utils/Address.sol)',
  'ReentrancyGuard (utils/ReentrancyGuard.sol)',
  'ERC20Permit (token/ERC20/extensions/ERC20Permit.sol)',
]
/** Titles that weigh most for the question. */
function named(titles: string[], question: string, share = 0) {
  const { weights } = new TitleNames(entries(titles), () => share).find(question)
  return titles.filter((_, document) => weights.get(document) === 1).map((title) => /\(([^)]*)\)/.exec(title)![1])
}

describe('titles', () => {
  it.each([
    ['What does the MIT License permit?', ['MIT']],
    ['mit license', ['MIT']],
    ['What does the GPL say?', ['GPL-3.0']],
    ['the GPLv2', ['GPL-2.0']],
    ['GPL version 1', ['GPL-1.0']],
    ['Under the LGPL, what of libraries?', ['LGPL-2.1']],
    ['GNU General Public License 2.0', ['GPL-2.0']],
    ['When does the Mozilla Public License end?', ['MPL-2.0']],
    ['MPL 1.1', ['MPL-1.1']],
    ['Apache', ['Apache-2.0']],
    ['the BSD 2-Clause license', ['BSD-2-Clause']],
    ['What is noncommercial in CC BY-NC?', ['CC-BY-NC-4.0']],
    ['Does LPPL name a maintainer?', ['LPPL-1.3c']],
    ['What is a covered work?', []],
    ['What license should I choose?', []],
  ])('%s', (question, expected) => expect(named(licences, question)).toEqual(expected))

  it.each([
    ['Is Ownable safe?', ['access/Ownable.sol']],
    ['Why is Ownable2Step safer than Ownable?', ['access/Ownable.sol', 'access/Ownable2Step.sol']],
    ['How does AccessManager delay?', ['access/manager/AccessManager.sol']],
    ['what is a reentrancy guard', ['utils/ReentrancyGuard.sol']],
    ['Explain ERC20Permit', ['token/ERC20/extensions/ERC20Permit.sol']],
    ['What does predictDeterministicAddress return?', []],
  ])('%s', (question, expected) => expect(named(contracts, question)).toEqual(expected))

  it('takes an everyday word for a name only where it is written as one', () => {
    expect(named(contracts, 'How is the address of a contract found?', 0.2)).toEqual([])
    expect(named(contracts, 'What does Address check?', 0.2)).toEqual(['utils/Address.sol'])
  })

  it('weighs other versions less than the one asked for, or else than the newest', () => {
    const weigh = (question: string) => {
      const { weights } = new TitleNames(entries(licences), () => 0).find(question)
      return [2, 3, 4].map((document) => weights.get(document))
    }
    expect(weigh('GPL 2')).toEqual([0.5, 1, 0.5])
    expect(weigh('GPL 7')).toEqual([0.7, 0.7, 1])
  })

  it('names nothing by what all titles share, nor in a collection without titles', () => {
    expect(named(['State of the Union 1801', 'State of the Union 1802', 'State of the Union 1803'], 'State of the Union 1802')).toEqual([])
    expect(named(['', ''], 'What?')).toEqual([])
    expect(named(['Beekeeping'], 'Beekeeping')).toEqual([])
  })

  it('says which words were names, so that they are not searched for', () => {
    const question = 'Does the Apache License grant patents?'
    const { taken, names } = new TitleNames(entries(licences), () => 0).find(question)
    expect([names, taken.map(({ from, to }) => question.slice(from, to))]).toEqual([1, ['Apache', 'License']])
  })
})
