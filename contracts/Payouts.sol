// SPDX-License-Identifier: MIT
// Pays the lines of final batches. Not a judge: a batch is final because nobody refuted it in time.
// Invariants: an account never gets more of a batch than the running total of a line of its own; Σ paid of a batch ≤ its
// total, which is what this contract was given for it; nothing is claimed twice.
// Source: chain.md "Contracts". Anyone may push anyone's payment: the money goes to the account of the line alone.
pragma solidity ^0.8.28;

import {Batches} from "./Batches.sol";
import {Journal} from "./Journal.sol";
import {Merkle} from "./Merkle.sol";
import {Line, LineAt} from "./Receipts.sol";
import {WOPEN} from "./WOPEN.sol";

contract Payouts is Journal {
    Batches public immutable attributions;
    WOPEN public immutable wopen;
    mapping(uint256 batch => mapping(address account => uint256)) public claimed;
    mapping(uint256 batch => uint256) public paid;
    /// Everything an account was ever paid here, in wei.
    mapping(address account => uint256) public totalPaid;

    event Paid(uint256 indexed batch, address indexed account, uint256 amount, uint256 cumulative);

    error NotFinal(uint256 batch);
    error NotALine();
    error NotItsLine(address account, address lineAccount);
    error NothingToClaim(address account, uint256 batch);
    error BatchExhausted(uint256 batch);

    constructor(Batches attributions_, WOPEN wopen_) {
        (attributions, wopen) = (attributions_, wopen_);
    }

    /// Pays `account` what the running total of its line exceeds its earlier claims by: open its last line for all of it.
    /// Native OPEN, or WOPEN where the account refuses native coin.
    function claimFor(address account, uint256 batch, Line calldata line, uint256 index, bytes32[] calldata proof)
        external
        returns (uint256 amount)
    {
        return _claim(account, batch, line, index, proof);
    }

    /// The same for many lines of one batch, each for its own account; for those who push payments.
    function claimMany(uint256 batch, LineAt[] calldata lines) external {
        for (uint256 i = 0; i < lines.length; ++i) {
            _claim(lines[i].line.account, batch, lines[i].line, lines[i].index, lines[i].proof);
        }
    }

    function _claim(address account, uint256 batch, Line calldata line, uint256 index, bytes32[] calldata proof)
        private
        returns (uint256 amount)
    {
        (Batches.Status status, uint256 total, bytes32 linesRoot, uint32 lineCount) = attributions.settlement(batch);
        if (status != Batches.Status.Final) revert NotFinal(batch);
        if (line.account != account) revert NotItsLine(account, line.account);
        if (!Merkle.holds(linesRoot, lineCount, index, abi.encode(line), proof)) revert NotALine();
        uint256 before = claimed[batch][account];
        if (line.runningTotal <= before) revert NothingToClaim(account, batch);
        amount = line.runningTotal - before;
        if (amount > total - paid[batch]) revert BatchExhausted(batch);
        claimed[batch][account] = line.runningTotal;
        paid[batch] += amount;
        totalPaid[account] += amount;
        _record(Paid.selector, bytes32(batch), _word(account), abi.encode(amount, line.runningTotal));
        wopen.pay(account, amount);
    }
}
