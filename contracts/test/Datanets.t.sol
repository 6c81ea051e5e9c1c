// SPDX-License-Identifier: MIT
// Order, heads and access of contributions.
pragma solidity ^0.8.28;

import {DatanetRegistry} from "../DatanetRegistry.sol";
import {Datanets} from "../Datanets.sol";
import {Test} from "./Vm.sol";

contract DatanetsTest is Test {
    Datanets internal datanets;
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    bytes32 internal constant LICENCE = keccak256("CC0-1.0");

    function setUp() public {
        vm.roll(10);
        datanets = new Datanets();
        datanets.create("open", "CC0-1.0", "", true, false);
        datanets.create("closed", "CC0-1.0", "By grant.", false, false);
        datanets.create("reviewed", "CC0-1.0", "", true, true);
    }

    function testFuzz_the_head_chains_every_contribution(bytes32[5] memory roots, bytes32 salt) public {
        bytes32 head;
        for (uint256 i = 0; i < roots.length; ++i) {
            bytes32 root = keccak256(abi.encode(roots[i], i));
            uint64 order = commit(ALICE, root, salt);
            vm.roll(block.number + 1);
            vm.prank(ALICE);
            datanets.reveal(1, documents(root, hex"00aa"), salt);
            bytes32 hash = keccak256(
                abi.encode(uint256(1), i, ALICE, root, uint32(2), uint64(30), LICENCE, keccak256(hex"00aa"), order)
            );
            head = keccak256(bytes.concat(head, hash));
            same("head", datanets.headAt(1, i + 1), head);
        }
        (,,, uint64 count,,) = datanets.datanets(1);
        same("count", count, roots.length);
        same("another datanet", datanets.headAt(2, 1), 0);
    }

    function test_text_served_from_elsewhere_has_no_commitment() public {
        commit(ALICE, "r", "s");
        vm.roll(11);
        vm.prank(ALICE);
        datanets.reveal(1, documents("r", ""), "s");
        bytes32 hash = keccak256(
            abi.encode(
                uint256(1), uint256(0), ALICE, bytes32("r"), uint32(2), uint64(30), LICENCE, bytes32(0), uint64(1)
            )
        );
        same("head", datanets.headAt(1, 1), keccak256(bytes.concat(bytes32(0), hash)));
    }

    function test_who_commits_first_comes_first_whatever_is_revealed_when() public {
        uint64 alices = commit(ALICE, "r", "a");
        uint64 bobs = commit(BOB, "r", "b");
        vm.roll(11);
        vm.prank(BOB);
        datanets.reveal(1, documents("r", ""), "b");
        vm.prank(ALICE);
        datanets.reveal(1, documents("r", ""), "a");
        holds("order", alices < bobs);
        same("last order", datanets.lastOrder(), bobs);
    }

    function test_a_copied_commitment_serves_only_its_author() public {
        bytes32 commitment = datanets.commitmentOf(ALICE, "r", "s");
        vm.prank(BOB);
        datanets.commit(commitment);
        vm.roll(11);
        vm.prank(BOB);
        vm.expectPartialRevert(Datanets.NotCommitted.selector);
        datanets.reveal(1, documents("r", ""), "s");
        vm.prank(ALICE);
        same("index", datanets.reveal(1, documents("r", ""), "s"), 0);
    }

    function test_a_commitment_counts_once() public {
        commit(ALICE, "r", "s");
        bytes32 commitment = datanets.commitmentOf(ALICE, "r", "s");
        vm.expectRevert(abi.encodeWithSelector(Datanets.AlreadyCommitted.selector, commitment));
        datanets.commit(commitment);
        vm.roll(11);
        vm.prank(ALICE);
        datanets.reveal(1, documents("r", ""), "s");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(Datanets.AlreadyRevealed.selector, commitment));
        datanets.reveal(1, documents("r", ""), "s");
    }

    function test_the_same_documents_of_the_same_author_count_once() public {
        commit(ALICE, "r", "s");
        commit(ALICE, "r", "t");
        vm.roll(11);
        vm.prank(ALICE);
        datanets.reveal(1, documents("r", ""), "s");
        vm.prank(ALICE);
        vm.expectPartialRevert(Datanets.AlreadyContributed.selector);
        datanets.reveal(1, documents("r", ""), "t");
    }

    function test_a_reveal_in_the_same_block_is_too_early() public {
        commit(ALICE, "r", "s");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(Datanets.RevealTooEarly.selector, 10));
        datanets.reveal(1, documents("r", ""), "s");
    }

    function test_a_closed_datanet_takes_members_only() public {
        commit(ALICE, "r", "s");
        vm.roll(11);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.NotMember.selector, ALICE));
        datanets.reveal(2, documents("r", ""), "s");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.NotCurator.selector, ALICE));
        datanets.setAccess(2, ALICE, true, "");
        datanets.setAccess(2, ALICE, true, "");
        vm.prank(ALICE);
        datanets.reveal(2, documents("r", ""), "s");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.UnknownDatanet.selector, 4));
        datanets.setAccess(4, ALICE, true, "");
    }

    function test_only_the_curator_imports() public {
        Datanets.Import[] memory imports = new Datanets.Import[](2);
        imports[0] = Datanets.Import(ALICE, documents("a", ""));
        imports[1] = Datanets.Import(BOB, documents("b", ""));
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.NotCurator.selector, ALICE));
        datanets.importContributions(2, imports);
        datanets.importContributions(2, imports);
        (,,, uint64 count,,) = datanets.datanets(2);
        same("count", count, 2);
        same("order", datanets.lastOrder(), 2);
    }

    function test_empty_documents_and_names_are_refused() public {
        commit(ALICE, "r", "s");
        vm.roll(11);
        Datanets.Documents memory none = documents("r", "");
        none.tokens = 0;
        vm.prank(ALICE);
        vm.expectRevert(Datanets.DocumentsInvalid.selector);
        datanets.reveal(1, none, "s");
        vm.expectRevert(DatanetRegistry.NameInvalid.selector);
        datanets.create("", "CC0-1.0", "", true, false);
        vm.expectRevert(DatanetRegistry.NameInvalid.selector);
        datanets.create(string(new bytes(65)), "CC0-1.0", "", true, false);
    }

    function commit(address author, bytes32 root, bytes32 salt) private returns (uint64) {
        bytes32 commitment = datanets.commitmentOf(author, root, salt);
        return datanets.commit(commitment);
    }

    function documents(bytes32 root, bytes memory daCommitment) private pure returns (Datanets.Documents memory) {
        return Datanets.Documents(root, 2, 30, LICENCE, daCommitment);
    }
}
