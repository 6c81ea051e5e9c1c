// SPDX-License-Identifier: MIT
// The ERC-20 face of OPEN, the chain's native coin: wrapped and unwrapped 1:1. Not a mint: every token in circulation
// lies here as native OPEN; what is burnt stays locked for ever.
// Invariants: totalSupply ≤ native balance, with equality while nothing was burnt; nobody moves another's tokens without
// an allowance or a signature (Permit, ERC-3009). Votes run on the timestamp clock (ERC-6372), for the governor to come.
pragma solidity ^0.8.28;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {ERC3009} from "@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

contract WOPEN is ERC20, ERC20Permit, ERC20Votes, ERC3009 {
    /// Gas a receiver of native OPEN may use; one that needs more gets the tokens instead.
    uint256 private constant RECEIVE_GAS = 50_000;

    error NativeTransferFailed(address to);

    constructor() ERC20("Wrapped OPEN", "WOPEN") ERC20Permit("Wrapped OPEN") {}

    receive() external payable {
        _mint(msg.sender, msg.value);
    }

    function deposit() external payable {
        _mint(msg.sender, msg.value);
    }

    /// Unwraps to the caller. Reverts with `NativeTransferFailed` when the caller refuses native coin.
    function withdraw(uint256 amount) external {
        _burn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        if (!sent) revert NativeTransferFailed(msg.sender);
    }

    /// Pays `to` from the caller's tokens: native coin, or the tokens themselves when `to` refuses native coin, so that
    /// a payment pushed by somebody else can never be blocked by its receiver.
    function pay(address to, uint256 amount) external returns (bool native) {
        _burn(msg.sender, amount);
        (native,) = to.call{value: amount, gas: RECEIVE_GAS}("");
        if (!native) _mint(to, amount);
    }

    /// Burns the caller's tokens; their native coin stays locked here.
    function burn(uint256 amount) external {
        _burn(msg.sender, amount);
    }

    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
