// SPDX-License-Identifier: MIT
// What people may do to the house, in any order: honest and dishonest posters, challengers, payers who leave, anyone who
// claims. Driven by Invariants.t.sol. It remembers a batch by the seed it was made from and makes it again.
pragma solidity ^0.8.28;

import {Batches} from "../Batches.sol";
import {Line, LineAt, Receipts} from "../Receipts.sol";
import {Draft, Fixture} from "./Fixture.sol";
import {Trees} from "./Trees.sol";

contract House is Fixture {
    using Trees for Line[];

    struct Made {
        uint256 seed;
        uint64 nonceBefore;
        bool stolen;
        bool refunded;
        bytes32 finalHash;
    }

    address internal constant THIEF = address(0x7777);
    mapping(uint256 batch => Made) internal made;
    mapping(uint256 batch => mapping(address account => uint256)) internal arrived;
    /// Whether an account got more of a batch than its last line there says.
    bool public overpaid;
    uint256 public openDemands;
    uint256 public refunds;
    uint256 public claims;
    uint256 public finals;

    constructor() {
        deploy();
    }

    // ---- what people do

    function posts(uint256 seed, bool stolen) external {
        Made memory plan = Made(seed, nonce, stolen, false, 0);
        Draft memory drafted = again(plan);
        for (uint256 i = 0; i < drafted.headers.length; ++i) {
            if (depositOf(drafted.headers[i].payer) < 40 ether) return;
        }
        vm.deal(POSTER, POSTER.balance + BOND);
        made[post(drafted)] = plan;
    }

    function pays_in(uint256 who, uint256 amount) external {
        fund(payer(who % PAYERS), bound(amount, 1, 100 ether));
    }

    function leaves(uint256 who, uint256 amount) external {
        address leaver = payer(who % PAYERS);
        (uint256 balance, uint64 unlockAt) = attributions.deposits(leaver);
        vm.prank(leaver);
        if (unlockAt == 0) attributions.requestWithdrawal();
        else if (block.timestamp >= unlockAt && balance > 0) attributions.withdraw(bound(amount, 1, balance));
    }

    function waits(uint256 time) external {
        pass(bound(time, 1, WINDOW));
    }

    function refutes(uint256 which) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0 || !made[batch].stolen || status(batch) != Batches.Status.Posted) return;
        uint256 moved;
        while (drafted.lines[moved].account != THIEF) ++moved;
        uint256 last = drafted.shares[0].length - 1;
        vm.prank(CHALLENGER);
        attributions.refuteUnsharedLine(
            batch, drafted.headers[0], drafted.lines.opening(moved), one(Trees.opening(drafted.shares[0], last))
        );
    }

    function refunds_all(uint256 which) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0 || status(batch) != Batches.Status.Cancelled || made[batch].refunded) return;
        attributions.refund(batch, drafted.headers);
        made[batch].refunded = true;
        ++refunds;
    }

    function finalises(uint256 which) external {
        (uint256 batch,) = pick(which);
        (bool done,) = address(attributions).call(abi.encodeCall(attributions.finalise, (batch)));
        if (!done) return;
        made[batch].finalHash = settlementHash(batch);
        ++finals;
    }

    function claims_line(uint256 which, uint256 place) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0) return;
        uint256 i = place % drafted.lines.length;
        LineAt memory opened = drafted.lines.opening(i);
        bytes memory call = abi.encodeCall(payouts.claimFor, (opened.line.account, batch, opened.line, i, opened.proof));
        address account = opened.line.account;
        uint256 before = account.balance;
        (bool done,) = address(payouts).call(call);
        if (done) ++claims;
        arrived[batch][account] += account.balance - before;
        uint256 owed;
        for (uint256 j = 0; j < drafted.lines.length; ++j) {
            if (drafted.lines[j].account == account) owed = drafted.lines[j].runningTotal;
        }
        if (arrived[batch][account] > owed) overpaid = true;
    }

    function demands(uint256 which, uint256 place) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0) return;
        uint256 i = place % drafted.lines.length;
        vm.deal(CHALLENGER, CHALLENGER.balance + DEMAND_BOND);
        vm.prank(CHALLENGER);
        (bool done,) =
            address(attributions).call{value: DEMAND_BOND}(abi.encodeCall(attributions.demandLine, (batch, i)));
        if (done) ++openDemands;
    }

    function answers(uint256 which, uint256 place) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0) return;
        LineAt memory opened = drafted.lines.opening(place % drafted.lines.length);
        (bool done,) = address(attributions).call(abi.encodeCall(attributions.answerLine, (batch, opened)));
        if (done) --openDemands;
    }

    function fells_or_reclaims(uint256 which, uint256 place) external {
        (uint256 batch, Draft memory drafted) = pick(which);
        if (batch == 0) return;
        uint32 count = uint32(drafted.lines.length);
        bytes32 key = attributions.demandKey(batch, "lines", Trees.root(drafted.lines.leavesOf()), count, place % count);
        vm.prank(CHALLENGER);
        (bool felled,) = address(attributions).call(abi.encodeCall(attributions.refuteUnanswered, (batch, key)));
        felled;
        (bool done,) = address(attributions).call(abi.encodeCall(attributions.reclaimDemand, (key)));
        if (done) --openDemands;
    }

    // ---- what must hold

    function escrowExpected() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PAYERS; ++i) {
            sum += depositOf(payer(i));
        }
        for (uint256 batch = 1; batch <= attributions.batchCount(); ++batch) {
            (Batches.Status known, uint256 fees,,) = attributions.settlement(batch);
            if (known == Batches.Status.Posted) sum += fees + BOND;
            if (known == Batches.Status.Cancelled && !made[batch].refunded) sum += fees;
        }
        sum += openDemands * DEMAND_BOND;
    }

    function payoutsExpected() external view returns (uint256 sum) {
        for (uint256 batch = 1; batch <= attributions.batchCount(); ++batch) {
            (Batches.Status known, uint256 fees,,) = attributions.settlement(batch);
            uint256 paid = payouts.paid(batch);
            holds("paid no more than escrowed", paid <= fees);
            if (known == Batches.Status.Final) sum += fees - paid;
            else same("paid before it was final", paid, 0);
        }
    }

    function burntExpected() external view returns (uint256 sum) {
        for (uint256 batch = 1; batch <= attributions.batchCount(); ++batch) {
            if (status(batch) == Batches.Status.Cancelled) sum += BOND - BOND / 2;
        }
    }

    function received() external view returns (uint256 sum, uint256 told) {
        for (uint256 i = 0; i <= ACCOUNTS; ++i) {
            address account = i == ACCOUNTS ? THIEF : contributor(i);
            sum += account.balance;
            told += payouts.totalPaid(account);
        }
    }

    function escrow() external view returns (uint256) {
        return wopen.balanceOf(address(attributions));
    }

    function payoutsHeld() external view returns (uint256) {
        return wopen.balanceOf(address(payouts));
    }

    function burnt() external view returns (uint256) {
        return address(wopen).balance - wopen.totalSupply();
    }

    function finalsUnchanged() external view returns (bool unchanged) {
        unchanged = true;
        for (uint256 batch = 1; batch <= attributions.batchCount(); ++batch) {
            bytes32 then = made[batch].finalHash;
            if (then != 0 && then != settlementHash(batch)) unchanged = false;
        }
    }

    function settlementHash(uint256 batch) private view returns (bytes32) {
        (Batches.Status known, uint256 fees, bytes32 root, uint32 count) = attributions.settlement(batch);
        return keccak256(abi.encode(known, fees, root, count));
    }

    function pick(uint256 which) private returns (uint256 batch, Draft memory drafted) {
        uint256 count = attributions.batchCount();
        if (count == 0) return (0, drafted);
        batch = 1 + which % count;
        uint64 now_ = nonce;
        drafted = again(made[batch]);
        nonce = now_;
    }

    /// The same draft as when it was posted; a stolen one has its first receipt's second pay moved to the thief, whose
    /// address is above every contributor's.
    function again(Made memory plan) private returns (Draft memory drafted) {
        nonce = plan.nonceBefore;
        drafted = wideDraft(plan.seed);
        if (!plan.stolen) return drafted;
        bytes32 id = Receipts.id(drafted.headers[0]);
        for (uint256 i = 0; i < drafted.lines.length; ++i) {
            if (drafted.lines[i].account != drafted.shares[0][1].account || drafted.lines[i].receiptId != id) continue;
            drafted.lines[i].account = THIEF;
            drafted.lines.settle();
            return drafted;
        }
    }
}
