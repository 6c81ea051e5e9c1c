// SPDX-License-Identifier: MIT
// The few cheats of forge's virtual machine that these tests use, and three assertions. Not forge-std.
pragma solidity ^0.8.28;

interface Vm {
    function assume(bool condition) external pure;
    function warp(uint256 timestamp) external;
    function roll(uint256 blockNumber) external;
    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function deal(address account, uint256 balance) external;
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function expectRevert(bytes4 selector) external;
    function expectRevert(bytes calldata reason) external;
    function expectPartialRevert(bytes4 selector) external;
}

abstract contract Test {
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));
    /// forge looks for it.
    bool public IS_TEST = true;

    error Differ(string what, uint256 got, uint256 expected);
    error Wrong(string what);

    function same(string memory what, uint256 got, uint256 expected) internal pure {
        if (got != expected) revert Differ(what, got, expected);
    }

    function same(string memory what, bytes32 got, bytes32 expected) internal pure {
        if (got != expected) revert Differ(what, uint256(got), uint256(expected));
    }

    function holds(string memory what, bool condition) internal pure {
        if (!condition) revert Wrong(what);
    }

    function bound(uint256 x, uint256 least, uint256 most) internal pure returns (uint256) {
        return least + (x % (most - least + 1));
    }
}
