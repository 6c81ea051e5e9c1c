// SPDX-License-Identifier: MIT
// A running hash over every event a contract emits. Not a log store: logs may come from anyone, because a reader who
// folds them and arrives at the proven `journal` slot has seen every event, in order, and no invented one.
// Invariant: journal_{n+1} = keccak256(journal_n ‖ keccak256(topics in order ‖ data)), whatever the event is, so a reader
// needs no ABI to fold. Both the log and the hash are made from the same bytes here, so they cannot differ.
// Source: chain.md "Journals".
pragma solidity ^0.8.28;

abstract contract Journal {
    bytes32 public journal;

    /// Emits and folds an event with two indexed arguments. `body` is abi.encode of the others.
    function _record(bytes32 selector, bytes32 first, bytes32 second, bytes memory body) internal {
        journal = keccak256(bytes.concat(journal, keccak256(bytes.concat(selector, first, second, body))));
        assembly ("memory-safe") {
            log3(add(body, 32), mload(body), selector, first, second)
        }
    }

    function _word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }
}
