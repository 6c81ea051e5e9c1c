import { describe, expect, it } from 'vitest'
import { paragraphs } from './seed-paragraphs.ts'
import { readSolidity } from './seed-solidity.ts'

const SOURCE = `// SPDX-License-Identifier: MIT
pragma solidity ^0.8.20;

import {Context} from "../utils/Context.sol";

/**
 * @dev Keeps an owner; see {transferOwnership}.
 *
 * Two paragraphs, one of them
 * wrapped.
 */
abstract contract Ownable is Context {
    using Strings for uint256;
    address private _owner;

    /// @notice Who may not.
    error Unauthorized(address account);

    /**
     * @dev Moves it. Requirements:
     *
     * - \`newOwner\` is not zero.
     * @custom:stateless
     */
    function transferOwnership(
        address newOwner
    ) public virtual onlyOwner {
        // A comment with a brace {
        // and a second line
        if (newOwner == address(0)) { revert Invalid("a } in a string"); }
        _owner = newOwner;
    }
}
`

describe('a contract as a document', () => {
  const { text, words } = readSolidity(SOURCE)
  it('gives each declaration with its NatSpec, then its body', () => {
    expect(text.split('\n\n ')).toEqual([
      'abstract contract Ownable is Context: Keeps an owner; see transferOwnership.',
      'Two paragraphs, one of them wrapped.',
      'address private _owner',
      'error Unauthorized(address account): Who may not.',
      'function transferOwnership( address newOwner ) public virtual onlyOwner: Moves it. Requirements:',
      '- `newOwner` is not zero.',
      '{ /* A comment with a brace { and a second line */ if (newOwner == address(0)) { revert Invalid("a } in a string"); } _owner = newOwner; }',
    ])
  })
  it('counts the words of NatSpec, by which re-exports are told', () => {
    expect(words).toBeGreaterThan(15)
    expect(readSolidity('pragma solidity ^0.8.0;\nimport {A} from "./A.sol";\n')).toEqual({ text: '', words: 0 })
  })
})

describe('paragraphs', () => {
  it('are unwrapped, parted at blank lines and list items, and begin with a space', () => {
    expect(paragraphs('A line\r\n  goes on\n\n\n1. one\n   more\n2. two\n(a) three\tx')).toBe(
      'A line goes on\n\n 1. one more\n\n 2. two\n\n (a) three x',
    )
    expect(paragraphs(' \n\n')).toBe('')
  })
})
