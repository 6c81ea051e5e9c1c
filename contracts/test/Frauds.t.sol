// SPDX-License-Identifier: MIT
// Every fraud is refuted by one transaction, and no honest batch by any. A fraud here is a draft whose lines or shares were
// changed before it was posted.
pragma solidity ^0.8.28;

import {Attributions} from "../Attributions.sol";
import {Batches} from "../Batches.sol";
import {Line, LineAt, ReceiptHeader, Receipts, Share, ShareAt} from "../Receipts.sol";
import {Draft, Fixture} from "./Fixture.sol";
import {Trees} from "./Trees.sol";

contract FraudsTest is Fixture {
    using Trees for Line[];
    using Trees for Share[];

    address internal constant THIEF = address(0x7777);

    function setUp() public {
        deploy();
    }

    // ---- pay moved between accounts

    function testFuzz_a_payout_moved_to_another_account_is_refuted_by_its_line(uint256 seed) public {
        (Draft memory made, uint256 moved) = stolen(seed);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteUnsharedLine(
            batch, made.headers[0], made.lines.opening(moved), sharesAround(made.shares[0], THIEF)
        );
        cancelled(batch, made, before);
    }

    function testFuzz_a_payout_moved_to_another_account_is_refuted_by_its_share(uint256 seed) public {
        (Draft memory made,) = stolen(seed);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        LineAt[] memory around = linesAround(made.lines, made.shares[0][1].account, Receipts.id(made.headers[0]));
        vm.prank(CHALLENGER);
        attributions.refuteUnpaidShare(batch, made.headers[0], made.shares[0].opening(1), around);
        cancelled(batch, made, before);
    }

    function testFuzz_pay_moved_between_two_contributors_is_refuted(uint256 seed) public {
        Draft memory made = wideDraft(seed);
        bytes32 id = Receipts.id(made.headers[0]);
        uint256 gains = find(made.lines, made.shares[0][0].account, id);
        made.lines[gains].amount += 1;
        made.lines[find(made.lines, made.shares[0][1].account, id)].amount -= 1;
        made.lines.retotal();
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteAmount(batch, made.headers[0], made.lines.opening(gains), made.shares[0].opening(0));
        cancelled(batch, made, before);
    }

    // ---- lines that do not hang together

    function testFuzz_lines_out_of_order_are_refuted(uint256 seed, uint256 place) public {
        Draft memory made = wideDraft(seed);
        uint256 i = bound(place, 0, made.lines.length - 2);
        (made.lines[i], made.lines[i + 1]) = (made.lines[i + 1], made.lines[i]);
        made.lines.retotal();
        refuteLines(made, i);
    }

    function testFuzz_a_doubled_line_is_refuted(uint256 seed, uint256 place) public {
        Draft memory made = wideDraft(seed);
        uint256 i = bound(place, 0, made.lines.length - 2);
        made.lines[i + 1] = made.lines[i];
        refuteLines(made, i);
    }

    function testFuzz_a_wrong_running_total_is_refuted(uint256 seed, uint256 place, uint256 more) public {
        Draft memory made = wideDraft(seed);
        uint256 i = bound(place, 0, made.lines.length - 1);
        uint256 honest = made.lines[i].runningTotal;
        made.lines[i].runningTotal = more == honest ? more / 2 : more;
        if (i == 0) refuteFirstLine(made);
        else refuteLines(made, i - 1);
    }

    function testFuzz_a_line_of_nothing_is_refuted(uint256 seed, uint256 place) public {
        Draft memory made = wideDraft(seed);
        uint256 i = bound(place, 0, made.lines.length - 1);
        made.lines[i].amount = 0;
        made.lines.retotal();
        if (i == 0) refuteFirstLine(made);
        else refuteLines(made, i - 1);
    }

    function testFuzz_a_line_of_a_receipt_not_in_the_batch_is_refuted(uint256 seed, uint256 place) public {
        Draft memory other = wideDraft(uint256(keccak256(abi.encode(seed))));
        post(other);
        Draft memory made = wideDraft(seed);
        uint256 i = bound(place, 0, made.lines.length - 1);
        made.lines[i].receiptId = place & 1 == 0 ? keccak256("invented") : Receipts.id(other.headers[0]);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteForeignLine(batch, made.lines.opening(i));
        cancelled(batch, made, before);
    }

    // ---- shares that do not hang together

    function testFuzz_shares_not_summing_to_the_fee_are_refuted(uint256 seed, uint256 more) public {
        Draft memory made = wideDraft(seed);
        made.headers[0].fee += bound(more, 1, 1 ether);
        refuteShares(made, one(made.shares[0].opening(2)));
    }

    function testFuzz_shares_out_of_order_are_refuted(uint256 seed, bool doubled) public {
        Draft memory made = wideDraft(seed);
        Share[] memory shares = made.shares[0];
        shares[1].account = doubled ? shares[0].account : address(uint160(shares[0].account) - 1);
        made.headers[0].sharesRoot = Trees.root(shares.leavesOf());
        refuteShares(made, two(shares.opening(0), shares.opening(1)));
    }

    function testFuzz_a_wrong_sum_inside_the_shares_is_refuted(uint256 seed, uint256 more, bool first) public {
        Draft memory made = wideDraft(seed);
        Share[] memory shares = made.shares[0];
        Share memory changed = shares[first ? 0 : 1];
        changed.cumulative = more == changed.cumulative ? more / 2 : more;
        made.headers[0].sharesRoot = Trees.root(shares.leavesOf());
        refuteShares(made, first ? one(shares.opening(0)) : two(shares.opening(0), shares.opening(1)));
    }

    // ---- no honest batch falls

    /// Every refutation, with openings of the honest trees at every place that can be named.
    function testFuzz_an_honest_batch_cannot_be_refuted(uint256 seed, uint256 where) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        uint256 r = where % made.headers.length;
        LineAt[] memory lineSpots = linesAt(made.lines, where >> 8);
        ShareAt[] memory shareSpots = sharesAt(made.shares[r], where >> 16);
        LineAt memory line = lineSpots[0];
        bool refuted = tried(abi.encodeCall(attributions.refuteLines, (batch, lineSpots)));
        refuted = tried(abi.encodeCall(attributions.refuteForeignLine, (batch, line))) || refuted;
        refuted = tried(abi.encodeCall(attributions.refuteUnsharedLine, (batch, made.headers[r], line, shareSpots)))
            || refuted;
        refuted = tried(
            abi.encodeCall(attributions.refuteUnpaidShare, (batch, made.headers[r], shareSpots[0], lineSpots))
        ) || refuted;
        refuted =
            tried(abi.encodeCall(attributions.refuteAmount, (batch, made.headers[r], line, shareSpots[0]))) || refuted;
        refuted = tried(abi.encodeCall(attributions.refuteShares, (batch, made.headers[r], shareSpots))) || refuted;
        holds("an honest batch was refuted", !refuted);
        same("status", uint256(status(batch)), uint256(Batches.Status.Posted));
    }

    /// The share that a line pays, and the shares at its sides: the openings nearest to a false accusation.
    function testFuzz_a_paid_share_is_not_absent(uint256 seed, uint256 which) public {
        Draft memory made = wideDraft(seed);
        uint256 batch = post(made);
        uint256 s = which % 3;
        uint256 i = find(made.lines, made.shares[0][s].account, Receipts.id(made.headers[0]));
        bool refuted;
        for (uint256 j = 0; j < 3; ++j) {
            bytes memory single = abi.encodeCall(
                attributions.refuteUnsharedLine,
                (batch, made.headers[0], made.lines.opening(i), one(made.shares[0].opening(j)))
            );
            refuted = tried(single) || refuted;
        }
        for (uint256 j = 0; j + 1 < made.lines.length; ++j) {
            LineAt[] memory around = two(made.lines.opening(j), made.lines.opening(j + 1));
            bytes memory pair = abi.encodeCall(
                attributions.refuteUnpaidShare, (batch, made.headers[0], made.shares[0].opening(s), around)
            );
            refuted = tried(pair) || refuted;
        }
        holds("an honest batch was refuted", !refuted);
    }

    function testFuzz_neighbours_that_are_none_prove_nothing(uint256 seed) public {
        Draft memory made = wideDraft(seed);
        uint256 batch = post(made);
        uint256 last = made.lines.length - 1;
        LineAt[] memory apart = two(made.lines.opening(0), made.lines.opening(last));
        if (last == 1) apart = two(made.lines.opening(1), made.lines.opening(0));
        vm.expectRevert(Attributions.NotOpened.selector);
        attributions.refuteLines(batch, apart);
        LineAt[] memory moved = one(made.lines.opening(0));
        moved[0].line.runningTotal += 1;
        vm.expectRevert(Attributions.NotOpened.selector);
        attributions.refuteLines(batch, moved);
        vm.expectRevert(Attributions.NotOpened.selector);
        attributions.refuteLines(batch, new LineAt[](0));
    }

    function testFuzz_a_final_batch_is_not_refuted(uint256 seed) public {
        (Draft memory made, uint256 moved) = stolen(seed);
        uint256 batch = post(made);
        pass(WINDOW);
        attributions.finalise(batch);
        vm.expectRevert(abi.encodeWithSelector(Batches.NotPosted.selector, batch));
        attributions.refuteUnsharedLine(
            batch, made.headers[0], made.lines.opening(moved), sharesAround(made.shares[0], THIEF)
        );
    }

    // ---- after a fraud

    function testFuzz_a_refuted_batch_pays_back_and_its_receipts_may_be_posted_again(uint256 seed) public {
        uint256[PAYERS] memory before;
        for (uint256 i = 0; i < PAYERS; ++i) {
            before[i] = depositOf(payer(i));
        }
        (Draft memory made, uint256 moved) = stolen(seed);
        uint256 batch = post(made);
        vm.expectRevert(abi.encodeWithSelector(Batches.NotCancelled.selector, batch));
        attributions.refund(batch, made.headers);
        attributions.refuteUnsharedLine(
            batch, made.headers[0], made.lines.opening(moved), sharesAround(made.shares[0], THIEF)
        );
        pass(WINDOW);
        vm.expectRevert(abi.encodeWithSelector(Batches.NotPosted.selector, batch));
        attributions.finalise(batch);
        attributions.refund(batch, made.headers);
        for (uint256 i = 0; i < PAYERS; ++i) {
            same("paid back", depositOf(payer(i)), before[i]);
        }
        vm.expectPartialRevert(Batches.NotInBatch.selector);
        attributions.refund(batch, made.headers);
        made.lines = Trees.linesOf(made.headers, made.shares);
        uint256 again = post(made);
        same("posted again", attributions.batchOf(Receipts.id(made.headers[0])), again);
    }

    // ---- leaves that nobody can open

    function testFuzz_a_line_nobody_opens_fells_the_batch(uint256 seed, uint256 place) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        uint256 i = place % made.lines.length;
        bytes32 key = demandLine(batch, made, i);
        vm.expectPartialRevert(Attributions.AnswerPending.selector);
        attributions.refuteUnanswered(batch, key);
        pass(WINDOW);
        vm.expectPartialRevert(Batches.DemandsOpen.selector);
        attributions.finalise(batch);
        vm.prank(CHALLENGER);
        attributions.refuteUnanswered(batch, key);
        attributions.reclaimDemand(key);
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.reclaimDemand(key);
        cancelled(batch, made, before);
    }

    function testFuzz_an_opened_line_costs_its_demander_and_opens_a_new_window(uint256 seed, uint256 place) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        pass(WINDOW - 1);
        uint256 i = place % made.lines.length;
        bytes32 key = demandLine(batch, made, i);
        uint256 before = POSTER.balance;
        pass(1);
        attributions.answerLine(batch, made.lines.opening(i));
        same("the poster's", POSTER.balance - before, DEMAND_BOND);
        vm.expectPartialRevert(Batches.WindowOpen.selector);
        attributions.finalise(batch);
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.refuteUnanswered(batch, key);
        vm.deal(CHALLENGER, DEMAND_BOND);
        vm.prank(CHALLENGER);
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.demandLine{value: DEMAND_BOND}(batch, i);
        pass(WINDOW);
        attributions.finalise(batch);
    }

    /// A receipt with a share nobody can open would hide a stolen line: the demand does not let it.
    function testFuzz_a_share_nobody_opens_fells_the_batch(uint256 seed) public {
        Draft memory made = wideDraft(seed);
        bytes[] memory leaves = made.shares[0].leavesOf();
        leaves[1] = "junk";
        made.headers[0].sharesRoot = Trees.root(leaves);
        made.lines = Trees.linesOf(made.headers, made.shares);
        sign(made);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.demandShare{value: DEMAND_BOND}(batch, made.headers[0], 1);
        ShareAt memory honest = made.shares[0].opening(1);
        vm.expectRevert(Attributions.NotOpened.selector);
        attributions.answerShare(batch, made.headers[0], honest);
        pass(ANSWER_WINDOW);
        bytes32 key = attributions.demandKey(batch, "shares", made.headers[0].sharesRoot, 3, 1);
        vm.prank(CHALLENGER);
        attributions.refuteUnanswered(batch, key);
        attributions.reclaimDemand(key);
        cancelled(batch, made, before);
    }

    function testFuzz_an_opened_share_answers_its_demand(uint256 seed) public {
        Draft memory made = wideDraft(seed);
        uint256 batch = post(made);
        vm.prank(CHALLENGER);
        attributions.demandShare{value: DEMAND_BOND}(batch, made.headers[0], 1);
        attributions.answerShare(batch, made.headers[0], made.shares[0].opening(1));
        pass(WINDOW);
        attributions.finalise(batch);
    }

    /// One root under two counts is two trees: an answer for one is none for the other.
    function test_an_answer_of_another_tree_is_none() public {
        Draft memory made = wideDraft(1);
        uint256 batch = post(made);
        vm.prank(CHALLENGER);
        attributions.demandShare{value: DEMAND_BOND}(batch, made.headers[0], 1);
        bytes32 root = made.headers[0].sharesRoot;
        holds(
            "count",
            attributions.demandKey(batch, "shares", root, 3, 1) != attributions.demandKey(batch, "shares", root, 4, 1)
        );
        holds(
            "tree",
            attributions.demandKey(batch, "shares", root, 3, 1) != attributions.demandKey(batch, "lines", root, 3, 1)
        );
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.answerLine(batch, made.lines.opening(1));
    }

    function test_a_demand_names_a_leaf_of_a_posted_batch_in_time() public {
        Draft memory made = draft(5);
        uint256 batch = post(made);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.demandLine{value: DEMAND_BOND}(batch, made.lines.length);
        pass(WINDOW);
        vm.expectRevert(Attributions.DemandInvalid.selector);
        attributions.demandLine{value: DEMAND_BOND}(batch, 0);
        vm.stopPrank();
    }

    // ---- making and undoing

    /// The second contributor's pay of the first receipt, moved to the thief; `moved` is its line.
    function stolen(uint256 seed) private returns (Draft memory made, uint256 moved) {
        made = wideDraft(seed);
        bytes32 id = Receipts.id(made.headers[0]);
        made.lines[find(made.lines, made.shares[0][1].account, id)].account = THIEF;
        made.lines.settle();
        moved = find(made.lines, THIEF, id);
    }

    function refuteFirstLine(Draft memory made) private {
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteLines(batch, one(made.lines.opening(0)));
        cancelled(batch, made, before);
    }

    function refuteLines(Draft memory made, uint256 left) private {
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteLines(batch, two(made.lines.opening(left), made.lines.opening(left + 1)));
        cancelled(batch, made, before);
    }

    function refuteShares(Draft memory made, ShareAt[] memory around) private {
        sign(made);
        uint256 batch = post(made);
        uint256 before = POSTER.balance;
        vm.prank(CHALLENGER);
        attributions.refuteShares(batch, made.headers[0], around);
        cancelled(batch, made, before);
    }

    /// The batch is cancelled; half of the bond is the challenger's, half is burnt; the poster gets nothing.
    function cancelled(uint256 batch, Draft memory made, uint256 posterBefore) private view {
        same("status", uint256(status(batch)), uint256(Batches.Status.Cancelled));
        same("the challenger's half", CHALLENGER.balance, 1_000 ether + BOND / 2);
        same("the poster's", POSTER.balance, posterBefore);
        same("the burnt half", address(wopen).balance - wopen.totalSupply(), BOND / 2);
        holds("fees still held", wopen.balanceOf(address(attributions)) >= total(made));
    }

    function tried(bytes memory call) private returns (bool done) {
        (done,) = address(attributions).call(call);
    }

    function demandLine(uint256 batch, Draft memory made, uint256 i) private returns (bytes32 key) {
        vm.prank(CHALLENGER);
        attributions.demandLine{value: DEMAND_BOND}(batch, i);
        return attributions.demandKey(batch, "lines", Trees.root(made.lines.leavesOf()), uint32(made.lines.length), i);
    }

    function find(Line[] memory lines, address account, bytes32 id) private pure returns (uint256 i) {
        while (lines[i].account != account || lines[i].receiptId != id) ++i;
    }

    /// The openings around the place where a share of `account` would stand.
    function sharesAround(Share[] memory shares, address account) private pure returns (ShareAt[] memory) {
        uint256 right;
        while (right < shares.length && shares[right].account < account) ++right;
        if (right == 0) return one(shares.opening(0));
        if (right == shares.length) return one(shares.opening(right - 1));
        return two(shares.opening(right - 1), shares.opening(right));
    }

    function linesAround(Line[] memory lines, address account, bytes32 id) private pure returns (LineAt[] memory) {
        uint256 right;
        while (right < lines.length && Receipts.precedes(lines[right].account, lines[right].receiptId, account, id)) {
            ++right;
        }
        if (right == 0) return one(lines.opening(0));
        if (right == lines.length) return one(lines.opening(right - 1));
        return two(lines.opening(right - 1), lines.opening(right));
    }

    /// One or two honest openings.
    function linesAt(Line[] memory lines, uint256 where) private pure returns (LineAt[] memory) {
        uint256 i = where % lines.length;
        if (where & 128 == 0 || i + 1 == lines.length) return one(lines.opening(i));
        return two(lines.opening(i), lines.opening(i + 1));
    }

    function sharesAt(Share[] memory shares, uint256 where) private pure returns (ShareAt[] memory) {
        uint256 i = where % shares.length;
        if (where & 128 == 0 || i + 1 == shares.length) return one(shares.opening(i));
        return two(shares.opening(i), shares.opening(i + 1));
    }
}
