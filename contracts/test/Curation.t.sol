// SPDX-License-Identifier: MIT
// What waits for a curator, who may contribute, and what an author takes back; then all of it in any order (Commons.sol).
pragma solidity ^0.8.28;

import {DatanetRegistry} from "../DatanetRegistry.sol";
import {Datanets} from "../Datanets.sol";
import {Commons} from "./Commons.sol";
import {Test} from "./Vm.sol";

contract CurationTest is Test {
    Datanets internal datanets;
    Commons internal commons;
    address internal constant ALICE = address(0xA11CE);
    address internal constant BOB = address(0xB0B);
    bytes32 internal constant LICENCE = keccak256("CC0-1.0");

    function setUp() public {
        vm.roll(10);
        datanets = new Datanets();
        datanets.create("reviewed", "CC0-1.0", "", true, true);
        datanets.create("by grant", "CC0-1.0", "", false, false);
        commons = new Commons();
    }

    /// forge drives these alone.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(commons);
    }

    function invariant_heads_hold_what_was_accepted_and_nothing_that_waits() public view {
        for (uint256 datanet = 1; datanet <= 3; ++datanet) {
            same("head", commons.headHeld(datanet), commons.headExpected(datanet));
            same("contributions", commons.contributionsHeld(datanet), commons.contributionsExpected(datanet));
        }
        (uint256 submitted, uint256 decided, uint256 waiting) = commons.queue();
        same("every submission waits or was decided once", submitted, decided + waiting);
        same("what waits is what the contract holds", commons.waitingHeld(), waiting);
        holds("a refused, retracted or unknown one was taken in", !commons.decidedTwice());
        holds("somebody contributed without access", !commons.trespassed());
        holds("a withdrawal that was not its author's", commons.withdrawalsHold());
        holds("one root of one author in two places", commons.claimsHold());
    }

    /// The steps do reach the ends.
    function test_the_commons_can_be_lived_in() public {
        for (uint256 i = 0; i < 12; ++i) {
            commons.asks(i, i);
            commons.grants(i, i, i % 3 != 0);
            commons.contributes(i, i, i);
        }
        for (uint256 i = 0; i < 12; ++i) {
            commons.accepts(i);
            commons.refuses(i + 1, i);
            commons.retracts(i);
            commons.withdraws(i);
        }
        (uint256 submitted, uint256 decided,) = commons.queue();
        holds("submitted", submitted >= 3);
        holds("decided", decided >= 3);
        holds("withdrawn", commons.withdrawals() > 0);
        holds("contributed", commons.contributionsExpected(1) + commons.contributionsExpected(2) > 2);
        invariant_heads_hold_what_was_accepted_and_nothing_that_waits();
    }

    function testFuzz_what_waits_is_in_no_head_until_it_is_accepted_and_keeps_its_order(bytes32 root, uint64 tokens) public {
        vm.assume(root != 0 && tokens != 0);
        Datanets.Documents memory documents = Datanets.Documents(root, 3, tokens, LICENCE, hex"00aa");
        uint64 order = reveals(ALICE, 1, documents);
        same("head", datanets.headAt(1, 1), 0);
        // The curator's own come in at once.
        reveals(address(this), 1, Datanets.Documents("curator", 1, 9, LICENCE, ""));
        holds("first", datanets.headAt(1, 1) != 0);
        Datanets.Submission memory submission = Datanets.Submission(ALICE, order, documents);
        same("index", datanets.accept(1, 0, submission), 1);
        bytes32 hash = keccak256(
            abi.encode(uint256(1), uint256(1), ALICE, root, uint32(3), tokens, LICENCE, keccak256(hex"00aa"), order)
        );
        same("head", datanets.headAt(1, 2), keccak256(bytes.concat(datanets.headAt(1, 1), hash)));
        vm.expectPartialRevert(Datanets.NotWaiting.selector);
        datanets.accept(1, 0, submission);
    }

    function test_a_changed_submission_is_not_the_one_that_waits() public {
        Datanets.Documents memory documents = Datanets.Documents("r", 3, 30, LICENCE, "");
        uint64 order = reveals(ALICE, 1, documents);
        documents.tokens = 31;
        vm.expectPartialRevert(Datanets.NotWaiting.selector);
        datanets.accept(1, 0, Datanets.Submission(ALICE, order, documents));
        documents.tokens = 30;
        vm.expectPartialRevert(Datanets.NotWaiting.selector);
        datanets.accept(1, 0, Datanets.Submission(BOB, order, documents));
        vm.prank(ALICE);
        vm.expectPartialRevert(DatanetRegistry.NotCurator.selector);
        datanets.accept(1, 0, Datanets.Submission(ALICE, order, documents));
    }

    function test_a_refusal_says_why_and_leaves_the_way_open() public {
        Datanets.Documents memory documents = Datanets.Documents("r", 3, 30, LICENCE, "");
        Datanets.Submission memory submission = Datanets.Submission(ALICE, reveals(ALICE, 1, documents), documents);
        vm.expectRevert(Datanets.ReasonMissing.selector);
        datanets.refuse(1, 0, submission, Datanets.Reason.None, "no");
        vm.expectRevert(Datanets.ReasonMissing.selector);
        datanets.refuse(1, 0, submission, Datanets.Reason.OffTopic, "");
        datanets.refuse(1, 0, submission, Datanets.Reason.OffTopic, "It is about bees.");
        vm.expectPartialRevert(Datanets.NotWaiting.selector);
        datanets.accept(1, 0, submission);
        reveals(ALICE, 1, documents);
        same("submissions", datanets.submissions(1), 2);
    }

    function test_only_its_author_takes_back_what_waits() public {
        Datanets.Documents memory documents = Datanets.Documents("r", 3, 30, LICENCE, "");
        Datanets.Submission memory submission = Datanets.Submission(ALICE, reveals(ALICE, 1, documents), documents);
        vm.expectRevert(abi.encodeWithSelector(Datanets.NotAuthor.selector, address(this)));
        datanets.retract(1, 0, submission);
        vm.prank(ALICE);
        datanets.retract(1, 0, submission);
        same("waiting", datanets.waiting(1, 0), 0);
    }

    function testFuzz_only_its_author_withdraws_a_contribution_and_no_head_moves(address stranger, uint64 tokens) public {
        vm.assume(stranger != address(this) && tokens != 0);
        uint64 order = reveals(address(this), 1, Datanets.Documents("r", 3, tokens, LICENCE, hex"0011"));
        bytes32 head = datanets.headAt(1, 1);
        Datanets.Held memory held = Datanets.Held(0, "r", 3, tokens, LICENCE, keccak256(hex"0011"), order);
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Datanets.NotAuthor.selector, stranger));
        datanets.withdraw(1, held);
        datanets.withdraw(1, held);
        holds("withdrawn", datanets.withdrawn(1, 0));
        same("head", datanets.headAt(1, 1), head);
        vm.expectRevert(abi.encodeWithSelector(Datanets.AlreadyWithdrawn.selector, 1, 0));
        datanets.withdraw(1, held);
        held.index = 1;
        vm.expectPartialRevert(Datanets.NotAuthor.selector);
        datanets.withdraw(1, held);
    }

    function test_access_is_asked_granted_refused_and_revoked() public {
        vm.prank(ALICE);
        datanets.askAccess(2, "I keep bees.");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.AccessSettled.selector, ALICE));
        datanets.askAccess(2, "Again.");
        datanets.setAccess(2, ALICE, false, "Who are you?");
        vm.prank(ALICE);
        datanets.askAccess(2, "Ada of the valley.");
        datanets.setAccess(2, ALICE, true, "");
        reveals(ALICE, 2, Datanets.Documents("r", 1, 9, LICENCE, ""));
        datanets.setAccess(2, ALICE, false, "Copied texts.");
        holds("revoked", datanets.access(2, ALICE) == DatanetRegistry.Access.Revoked);
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.AccessSettled.selector, ALICE));
        datanets.askAccess(2, "Please.");
        vm.prank(ALICE);
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.AccessSettled.selector, ALICE));
        datanets.askAccess(1, "It is open.");
        vm.expectRevert(abi.encodeWithSelector(DatanetRegistry.AccessNotAsked.selector, BOB));
        datanets.setAccess(2, BOB, false, "Never asked.");
    }

    function test_descriptions_are_the_curators_and_bounded() public {
        datanets.describe(1, "Notes on bees.");
        vm.expectPartialRevert(DatanetRegistry.TextTooLong.selector);
        datanets.describe(1, string(new bytes(2049)));
        vm.prank(ALICE);
        vm.expectPartialRevert(DatanetRegistry.NotCurator.selector);
        datanets.describe(1, "Mine.");
    }

    function reveals(address author, uint256 datanet, Datanets.Documents memory documents) private returns (uint64 order) {
        bytes32 salt = bytes32(block.number);
        order = datanets.commit(datanets.commitmentOf(author, documents.root, salt));
        vm.roll(block.number + 1);
        vm.prank(author);
        datanets.reveal(datanet, documents, salt);
    }
}
