// SPDX-License-Identifier: MIT
// What payers have put aside for their receipts, in WOPEN. Not a payment channel: a validator debits whole receipts.
// Invariants: a deposit is debited only by a receipt its payer signed; it leaves only after `withdrawalDelay` from the
// request, and stays debitable until it has left, so a validator who looks at `unlockAt` cannot be outrun.
pragma solidity ^0.8.28;

import {Journal} from "./Journal.sol";
import {WOPEN} from "./WOPEN.sol";

abstract contract Escrow is Journal {
    struct Deposit {
        uint256 balance;
        /// When it may be withdrawn (seconds); 0: no withdrawal was asked for.
        uint64 unlockAt;
    }

    WOPEN public immutable wopen;
    uint64 public immutable withdrawalDelay;
    mapping(address payer => Deposit) public deposits;

    event Deposited(address indexed payer, address indexed sender, uint256 amount);
    event WithdrawalRequested(address indexed payer, address indexed sender, uint64 unlockAt);
    event Withdrawn(address indexed payer, address indexed sender, uint256 amount);

    error AmountInvalid();
    error WithdrawalLocked(uint64 unlockAt);
    error InsufficientDeposit(address payer, uint256 balance, uint256 needed);
    error WrongValue(uint256 got, uint256 expected);

    constructor(WOPEN wopen_, uint64 withdrawalDelay_) {
        (wopen, withdrawalDelay) = (wopen_, withdrawalDelay_);
    }

    /// Puts native OPEN aside for `payer`. Asking to withdraw starts anew after a deposit.
    function deposit(address payer) external payable {
        _credit(payer, msg.value);
        wopen.deposit{value: msg.value}();
    }

    /// The same from the caller's WOPEN, by allowance.
    function depositTokens(address payer, uint256 amount) external {
        _credit(payer, amount);
        wopen.transferFrom(msg.sender, address(this), amount);
    }

    function requestWithdrawal() external {
        uint64 unlockAt = uint64(block.timestamp) + withdrawalDelay;
        deposits[msg.sender].unlockAt = unlockAt;
        _record(WithdrawalRequested.selector, _word(msg.sender), _word(msg.sender), abi.encode(unlockAt));
    }

    function withdraw(uint256 amount) external {
        Deposit storage held = deposits[msg.sender];
        if (held.unlockAt == 0 || block.timestamp < held.unlockAt) revert WithdrawalLocked(held.unlockAt);
        held.unlockAt = 0;
        _debit(msg.sender, amount);
        _record(Withdrawn.selector, _word(msg.sender), _word(msg.sender), abi.encode(amount));
        wopen.pay(msg.sender, amount);
    }

    function _credit(address payer, uint256 amount) private {
        if (amount == 0 || payer == address(0)) revert AmountInvalid();
        Deposit storage held = deposits[payer];
        held.balance += amount;
        // Only the payer's own deposit restarts the delay: a stranger's wei must not lock a withdrawal.
        if (payer == msg.sender) held.unlockAt = 0;
        _record(Deposited.selector, _word(payer), _word(msg.sender), abi.encode(amount));
    }

    function _debit(address payer, uint256 amount) internal {
        Deposit storage held = deposits[payer];
        if (held.balance < amount) revert InsufficientDeposit(payer, held.balance, amount);
        held.balance -= amount;
    }

    /// Takes `amount` from the caller: the native coin sent along, or WOPEN by allowance when none was sent.
    function _take(uint256 amount) internal {
        if (msg.value == 0) {
            wopen.transferFrom(msg.sender, address(this), amount);
        } else {
            if (msg.value != amount) revert WrongValue(msg.value, amount);
            wopen.deposit{value: amount}();
        }
    }
}
