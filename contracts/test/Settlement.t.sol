// SPDX-License-Identifier: MIT
// The way of honest money: deposits, posting, the window, payment. Frauds: Frauds.t.sol.
pragma solidity ^0.8.28;

import {Batches} from "../Batches.sol";
import {Escrow} from "../Escrow.sol";
import {Payouts} from "../Payouts.sol";
import {Line, LineAt, Receipts} from "../Receipts.sol";
import {WOPEN} from "../WOPEN.sol";
import {Draft, Fixture} from "./Fixture.sol";
import {Trees} from "./Trees.sol";

contract SettlementTest is Fixture {
    using Trees for Line[];

    function setUp() public {
        deploy();
    }

    function testFuzz_an_honest_batch_pays_exactly_its_escrow(uint256 seed) public {
        Draft memory made = draft(seed);
        uint256 posterBefore = POSTER.balance;
        uint256 batch = post(made);
        same("escrow", wopen.balanceOf(address(attributions)), PAYERS * 1_000 ether + BOND);
        pass(WINDOW);
        attributions.finalise(batch);
        same("bond returned", POSTER.balance, posterBefore);
        same("escrow moved", wopen.balanceOf(address(payouts)), total(made));
        for (uint256 i = 0; i < made.lines.length; ++i) {
            Line memory line = made.lines[i];
            if (i + 1 < made.lines.length && made.lines[i + 1].account == line.account) continue;
            uint256 before = line.account.balance;
            payouts.claimFor(line.account, batch, line, i, made.lines.opening(i).proof);
            same("received", line.account.balance - before, line.runningTotal);
            vm.expectRevert(abi.encodeWithSelector(Payouts.NothingToClaim.selector, line.account, batch));
            payouts.claimFor(line.account, batch, line, i, made.lines.opening(i).proof);
        }
        same("paid", payouts.paid(batch), total(made));
        same("nothing left", wopen.balanceOf(address(payouts)), 0);
    }

    function testFuzz_an_earlier_line_pays_its_part_and_the_last_one_the_rest(uint256 seed) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        pass(WINDOW);
        attributions.finalise(batch);
        LineAt[] memory all = new LineAt[](made.lines.length);
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = made.lines.opening(i);
        }
        payouts.claimMany(batch, all);
        same("paid", payouts.paid(batch), total(made));
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            same("received", contributor(i).balance, payouts.totalPaid(contributor(i)));
        }
    }

    function testFuzz_nothing_moves_before_the_window_ends(uint256 seed, uint256 wait) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        pass(bound(wait, 0, WINDOW - 1));
        vm.expectPartialRevert(Batches.WindowOpen.selector);
        attributions.finalise(batch);
        Line memory line = made.lines[0];
        bytes32[] memory proof = made.lines.opening(0).proof;
        vm.expectRevert(abi.encodeWithSelector(Payouts.NotFinal.selector, batch));
        payouts.claimFor(line.account, batch, line, 0, proof);
    }

    function testFuzz_a_claim_needs_a_line_of_the_account(uint256 seed, uint256 change) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        pass(WINDOW);
        attributions.finalise(batch);
        uint256 i = change % made.lines.length;
        Line memory line = made.lines[i];
        bytes32[] memory proof = made.lines.opening(i).proof;
        vm.expectPartialRevert(Payouts.NotItsLine.selector);
        payouts.claimFor(CHALLENGER, batch, line, i, proof);
        line.runningTotal += bound(change, 1, 1 ether);
        vm.expectRevert(Payouts.NotALine.selector);
        payouts.claimFor(line.account, batch, line, i, proof);
        vm.expectRevert(Payouts.NotALine.selector);
        payouts.claimFor(line.account, batch, line, i + made.lines.length, proof);
    }

    function test_a_batch_finalises_once() public {
        uint256 batch = post(draft(3));
        pass(WINDOW);
        attributions.finalise(batch);
        vm.expectRevert(abi.encodeWithSelector(Batches.NotPosted.selector, batch));
        attributions.finalise(batch);
    }

    function testFuzz_a_receipt_counts_once(uint256 seed) public {
        Draft memory made = draft(seed);
        uint256 batch = post(made);
        bytes32 id = Receipts.id(made.headers[0]);
        same("batch of receipt", attributions.batchOf(id), batch);
        expectPost(made, abi.encodeWithSelector(Batches.AlreadyPosted.selector, id, batch));
    }

    function testFuzz_a_nonce_counts_once(uint256 seed) public {
        Draft memory made = draft(seed);
        post(made);
        made.headers[0].content = keccak256("another");
        sign(made);
        bytes memory reason =
            abi.encodeWithSelector(Batches.NonceUsed.selector, made.headers[0].payer, made.headers[0].nonce);
        expectPost(made, reason);
    }

    function testFuzz_a_changed_or_foreign_signature_is_refused(uint256 seed, uint256 bit) public {
        Draft memory made = draft(seed);
        bytes memory signed = made.signatures[0];
        uint256 place = bit % (signed.length * 8);
        signed[place / 8] = bytes1(uint8(signed[place / 8]) ^ uint8(1 << (place % 8)));
        expectPost(made, abi.encodeWithSelector(Batches.WrongSignature.selector, Receipts.id(made.headers[0])));
    }

    function testFuzz_a_changed_fee_breaks_the_signature(uint256 seed) public {
        Draft memory made = draft(seed);
        made.headers[0].fee += 1;
        expectPost(made, abi.encodeWithSelector(Batches.WrongSignature.selector, Receipts.id(made.headers[0])));
    }

    function test_a_fee_above_the_deposit_is_refused() public {
        Draft memory made = draft(0);
        made.headers[0].fee = 1_001 ether;
        sign(made);
        vm.prank(POSTER);
        vm.expectPartialRevert(Escrow.InsufficientDeposit.selector);
        attributions.post{value: BOND}(made.headers, made.signatures, 0, uint32(made.lines.length), "");
    }

    function test_the_bond_is_exact() public {
        Draft memory made = draft(0);
        vm.prank(POSTER);
        vm.expectRevert(abi.encodeWithSelector(Escrow.WrongValue.selector, BOND - 1, BOND));
        attributions.post{value: BOND - 1}(made.headers, made.signatures, 0, uint32(made.lines.length), "");
    }

    function test_a_bond_may_be_wrapped() public {
        Draft memory made = draft(0);
        vm.startPrank(POSTER);
        wopen.deposit{value: BOND}();
        wopen.approve(address(attributions), BOND);
        attributions.post(
            made.headers, made.signatures, Trees.root(made.lines.leavesOf()), uint32(made.lines.length), ""
        );
        vm.stopPrank();
        same("taken", wopen.balanceOf(POSTER), 0);
    }

    function test_the_line_count_is_that_of_the_shares() public {
        Draft memory made = draft(2);
        vm.prank(POSTER);
        vm.expectRevert(Batches.BatchInvalid.selector);
        attributions.post{value: BOND}(made.headers, made.signatures, 0, uint32(made.lines.length + 1), "");
    }

    function test_channels_are_not_open_yet() public {
        Draft memory made = draft(0);
        made.headers[0].channel = bytes32(uint256(7));
        sign(made);
        expectPost(made, abi.encodeWithSelector(Batches.UnknownChannel.selector, bytes32(uint256(7))));
    }

    function testFuzz_a_deposit_leaves_after_the_delay_only(uint256 wait) public {
        address who = payer(0);
        vm.prank(who);
        vm.expectPartialRevert(Escrow.WithdrawalLocked.selector);
        attributions.withdraw(1);
        vm.prank(who);
        attributions.requestWithdrawal();
        pass(bound(wait, 0, DELAY - 1));
        vm.prank(who);
        vm.expectPartialRevert(Escrow.WithdrawalLocked.selector);
        attributions.withdraw(1);
        pass(DELAY);
        vm.prank(who);
        attributions.withdraw(400 ether);
        same("withdrawn", who.balance, 400 ether);
        same("left", depositOf(who), 600 ether);
        vm.prank(who);
        vm.expectPartialRevert(Escrow.WithdrawalLocked.selector);
        attributions.withdraw(1);
    }

    function test_a_stranger_cannot_lock_a_withdrawal() public {
        address who = payer(0);
        vm.prank(who);
        attributions.requestWithdrawal();
        pass(DELAY);
        fund(who, 1);
        vm.prank(who);
        attributions.withdraw(1_000 ether + 1);
        same("withdrawn", who.balance, 1_000 ether + 1);
    }

    function test_an_account_that_refuses_native_coin_gets_tokens() public {
        vm.deal(address(this), 1 ether);
        wopen.deposit{value: 1 ether}();
        holds("tokens", !wopen.pay(address(attributions), 1 ether));
        same("tokens", wopen.balanceOf(address(attributions)), PAYERS * 1_000 ether + 1 ether);
    }

    function testFuzz_wrapping_is_one_to_one(uint96 amount) public {
        vm.deal(POSTER, amount);
        vm.startPrank(POSTER);
        wopen.deposit{value: amount}();
        same("wrapped", wopen.balanceOf(POSTER), amount);
        same("backed", address(wopen).balance, wopen.totalSupply());
        wopen.withdraw(amount);
        vm.stopPrank();
        same("unwrapped", POSTER.balance, amount);
    }

    function test_only_the_governor_sets_parameters() public {
        vm.prank(POSTER);
        vm.expectRevert(abi.encodeWithSelector(Batches.NotGovernor.selector, POSTER));
        attributions.setParameters(0);
        attributions.setParameters(keccak256("next"));
        same("parameters", attributions.parametersHash(), keccak256("next"));
    }

    function expectPost(Draft memory made, bytes memory reason) private {
        bytes32 root = Trees.root(made.lines.leavesOf());
        vm.prank(POSTER);
        vm.expectRevert(reason);
        attributions.post{value: BOND}(made.headers, made.signatures, root, uint32(made.lines.length), "");
    }
}
