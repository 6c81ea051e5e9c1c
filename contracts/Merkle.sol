// SPDX-License-Identifier: MIT
// Positional Merkle trees, the same as src/attribution/merkle.ts. Not sorted-pair trees: the index decides left and
// right, so a proof also shows where a leaf stands, which proofs of absence between two neighbours need.
// Invariants: leaf = keccak256(0x00 ‖ bytes), node = keccak256(0x01 ‖ left ‖ right) (RFC 6962 §2.1), padding with zero
// words to the next power of two; exactly ceil(log2(count)) siblings; the count is committed beside every root.
pragma solidity ^0.8.28;

library Merkle {
    /// Whether `leaf` stands at `index` of the tree of `count` leaves under `root`. `proof` runs bottom-up.
    function holds(bytes32 root, uint256 count, uint256 index, bytes memory leaf, bytes32[] memory proof)
        internal
        pure
        returns (bool)
    {
        if (index >= count || proof.length != depth(count)) return false;
        bytes32 hash = keccak256(bytes.concat(bytes1(0x00), leaf));
        for (uint256 i = 0; i < proof.length; ++i) {
            hash = (index >> i) & 1 == 1 ? node(proof[i], hash) : node(hash, proof[i]);
        }
        return hash == root;
    }

    /// Siblings in a proof: ceil(log2(count)), 0 for one leaf or none.
    function depth(uint256 count) internal pure returns (uint256 levels) {
        while ((uint256(1) << levels) < count) ++levels;
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(bytes.concat(bytes1(0x01), left, right));
    }
}
