// SPDX-License-Identifier: MIT
// Builds the trees that tests post: roots and proofs over shares and lines, and an honest set of lines from receipts. The
// slow, plain way; Merkle.sol only ever verifies. Not used by any contract.
pragma solidity ^0.8.28;

import {Merkle} from "../Merkle.sol";
import {Line, LineAt, ReceiptHeader, Receipts, Share, ShareAt} from "../Receipts.sol";

library Trees {
    function root(bytes[] memory leaves) internal pure returns (bytes32) {
        return leaves.length == 0 ? bytes32(0) : _level(leaves, Merkle.depth(leaves.length))[0];
    }

    function proof(bytes[] memory leaves, uint256 index) internal pure returns (bytes32[] memory siblings) {
        uint256 depth = Merkle.depth(leaves.length);
        siblings = new bytes32[](depth);
        for (uint256 i = 0; i < depth; ++i) {
            siblings[i] = _level(leaves, i)[(index >> i) ^ 1];
        }
    }

    function leavesOf(Share[] memory shares) internal pure returns (bytes[] memory leaves) {
        leaves = new bytes[](shares.length);
        for (uint256 i = 0; i < shares.length; ++i) {
            leaves[i] = abi.encode(shares[i]);
        }
    }

    function leavesOf(Line[] memory lines) internal pure returns (bytes[] memory leaves) {
        leaves = new bytes[](lines.length);
        for (uint256 i = 0; i < lines.length; ++i) {
            leaves[i] = abi.encode(lines[i]);
        }
    }

    function opening(Line[] memory lines, uint256 index) internal pure returns (LineAt memory) {
        return LineAt(index, lines[index], proof(leavesOf(lines), index));
    }

    function opening(Share[] memory shares, uint256 index) internal pure returns (ShareAt memory) {
        return ShareAt(index, shares[index], proof(leavesOf(shares), index));
    }

    /// Sorts by (account, receiptId) and writes the running totals.
    function settle(Line[] memory lines) internal pure {
        for (uint256 i = 1; i < lines.length; ++i) {
            Line memory line = lines[i];
            uint256 j = i;
            for (
                ;
                j > 0 && Receipts.precedes(line.account, line.receiptId, lines[j - 1].account, lines[j - 1].receiptId);
                --j
            ) {
                lines[j] = lines[j - 1];
            }
            lines[j] = line;
        }
        retotal(lines);
    }

    function retotal(Line[] memory lines) internal pure {
        for (uint256 i = 0; i < lines.length; ++i) {
            uint256 base = i > 0 && lines[i - 1].account == lines[i].account ? lines[i - 1].runningTotal : 0;
            lines[i].runningTotal = base + lines[i].amount;
        }
    }

    /// The honest lines of these receipts.
    function linesOf(ReceiptHeader[] memory headers, Share[][] memory shares)
        internal
        pure
        returns (Line[] memory lines)
    {
        uint256 count;
        for (uint256 i = 0; i < shares.length; ++i) {
            count += shares[i].length;
        }
        lines = new Line[](count);
        uint256 next;
        for (uint256 i = 0; i < shares.length; ++i) {
            bytes32 id = Receipts.id(headers[i]);
            for (uint256 j = 0; j < shares[i].length; ++j) {
                lines[next++] = Line(shares[i][j].account, id, shares[i][j].amount, 0);
            }
        }
        settle(lines);
    }

    function _level(bytes[] memory leaves, uint256 height) private pure returns (bytes32[] memory level) {
        level = new bytes32[](1 << Merkle.depth(leaves.length));
        for (uint256 i = 0; i < leaves.length; ++i) {
            level[i] = keccak256(bytes.concat(bytes1(0x00), leaves[i]));
        }
        for (uint256 h = 0; h < height; ++h) {
            bytes32[] memory above = new bytes32[](level.length / 2);
            for (uint256 i = 0; i < above.length; ++i) {
                above[i] = Merkle.node(level[2 * i], level[2 * i + 1]);
            }
            level = above;
        }
    }
}
