// SPDX-License-Identifier: MIT
// The three shapes of attribution on chain: a receipt's header, a share of its fee, a line of a batch. Not their trees
// (Merkle.sol) and not what may be said against them (Attributions.sol).
// Invariants: every leaf has one encoding of fixed size; a receipt's id is the EIP-712 struct hash of its header.
// Source: src/attribution/receipt.ts and receipt-shares.ts, which define the same bytes; EIP-712.
pragma solidity ^0.8.28;

struct ReceiptHeader {
    address payer;
    bytes32 channel;
    uint64 nonce;
    bytes32 content;
    bytes32 sharesRoot;
    uint32 shareCount;
    uint256 fee;
}

/// Sorted by account, one per account, amount > 0; `cumulative` runs over the tree and ends at the fee.
struct Share {
    address account;
    uint256 amount;
    uint256 cumulative;
}

/// Sorted by (account, receiptId), unique, amount > 0; `runningTotal` restarts at each account.
struct Line {
    address account;
    bytes32 receiptId;
    uint256 amount;
    uint256 runningTotal;
}

/// A line, opened at its place in a batch's tree.
struct LineAt {
    uint256 index;
    Line line;
    bytes32[] proof;
}

/// A share, opened at its place in a receipt's tree.
struct ShareAt {
    uint256 index;
    Share share;
    bytes32[] proof;
}

library Receipts {
    bytes32 internal constant TYPEHASH = keccak256(
        "Receipt(address payer,bytes32 channel,uint64 nonce,bytes32 content,bytes32 sharesRoot,uint32 shareCount,uint256 fee)"
    );

    function id(ReceiptHeader memory header) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPEHASH, header));
    }

    function precedes(address a, bytes32 receiptA, address b, bytes32 receiptB) internal pure returns (bool) {
        return a < b || (a == b && receiptA < receiptB);
    }

    /// Whether `total` is not exactly `base + amount` with a positive amount, overflow included.
    function wrongSum(uint256 base, uint256 amount, uint256 total) internal pure returns (bool) {
        return amount == 0 || total < amount || total - amount != base;
    }
}
