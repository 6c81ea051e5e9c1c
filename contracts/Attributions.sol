// SPDX-License-Identifier: MIT
// What may be said against a batch, each in one transaction by anyone, and the demand to open a leaf. Not the frauds of
// text (a span that is not where the receipt says): those come with the text verifier.
// Invariants: an honest batch can be refuted by none of these; a batch that none of these refutes, and whose leaves all
// open, pays every share of every receipt exactly once, so Σ lines = Σ fees. A leaf nobody can open (junk, padding inside
// the count, withheld data) would hide such a fraud; hence `demand`: the poster opens it in time or loses the bond.
// Source: chain.md "Lines, not sums".
pragma solidity ^0.8.28;

import {Batches} from "./Batches.sol";
import {Merkle} from "./Merkle.sol";
import {LineAt, ReceiptHeader, Receipts, ShareAt} from "./Receipts.sol";
import {WOPEN} from "./WOPEN.sol";

contract Attributions is Batches {
    struct Demand {
        address demander;
        uint64 deadline;
        bool open;
        uint256 batch;
    }

    bytes32 public constant LINES = "lines";
    bytes32 public constant SHARES = "shares";

    uint256 public immutable demandBond;
    uint64 public immutable answerWindow;
    /// By `demandKey`.
    mapping(bytes32 key => Demand) public demands;

    event Demanded(
        uint256 indexed batch,
        bytes32 indexed key,
        bytes32 tree,
        bytes32 root,
        uint32 count,
        uint256 index,
        uint64 deadline
    );
    event Answered(uint256 indexed batch, bytes32 indexed key, uint64 windowEnd);

    error NoFraud();
    error NotOpened();
    error DemandInvalid();
    error AnswerPending(uint64 deadline);

    constructor(WOPEN wopen_, Settings memory settings) Batches(wopen_, settings) {
        (demandBond, answerWindow) = (settings.demandBond, settings.answerWindow);
    }

    // ---- frauds in the lines

    /// Two neighbours out of order or doubled, a running total that is not the sum, a line of nothing. One opening: the
    /// first line; two: any neighbours.
    function refuteLines(uint256 batch, LineAt[] calldata around) external {
        _openLines(batch, around);
        LineAt calldata last = around[around.length - 1];
        uint256 base;
        bool misplaced;
        if (around.length == 1) {
            if (last.index != 0) revert NoFraud();
        } else {
            LineAt calldata left = around[0];
            misplaced =
                !Receipts.precedes(left.line.account, left.line.receiptId, last.line.account, last.line.receiptId);
            if (left.line.account == last.line.account) base = left.line.runningTotal;
        }
        if (!misplaced && !Receipts.wrongSum(base, last.line.amount, last.line.runningTotal)) revert NoFraud();
        _cancel(batch, misplaced ? bytes32("lines_order") : bytes32("lines_sum"));
    }

    /// A line of a receipt that is not in this batch.
    function refuteForeignLine(uint256 batch, LineAt calldata opening) external {
        _openLine(batch, opening);
        if (batchOf[opening.line.receiptId] == batch) revert NoFraud();
        _cancel(batch, "line_foreign");
    }

    /// A line of a receipt none of whose shares pays its account: the shares around the account are opened.
    function refuteUnsharedLine(
        uint256 batch,
        ReceiptHeader calldata header,
        LineAt calldata opening,
        ShareAt[] calldata around
    ) external {
        _openLine(batch, opening);
        if (_inBatch(batch, header) != opening.line.receiptId) revert NoFraud();
        _openShares(header, around);
        ShareAt calldata first = around[0];
        ShareAt calldata last = around[around.length - 1];
        bool above = first.share.account < opening.line.account;
        bool below = opening.line.account < last.share.account;
        if (around.length == 1) {
            above = above && first.index == header.shareCount - 1;
            below = below && first.index == 0;
            if (!above && !below) revert NoFraud();
        } else if (!above || !below) {
            revert NoFraud();
        }
        _cancel(batch, "line_unshared");
    }

    /// A share of a receipt of this batch that no line pays: the lines around (account, receipt) are opened.
    function refuteUnpaidShare(
        uint256 batch,
        ReceiptHeader calldata header,
        ShareAt calldata opening,
        LineAt[] calldata around
    ) external {
        bytes32 id = _inBatch(batch, header);
        _openShare(header, opening);
        _openLines(batch, around);
        LineAt calldata first = around[0];
        LineAt calldata last = around[around.length - 1];
        bool above = Receipts.precedes(first.line.account, first.line.receiptId, opening.share.account, id);
        bool below = Receipts.precedes(opening.share.account, id, last.line.account, last.line.receiptId);
        if (around.length == 1) {
            above = above && first.index == batches[batch].lineCount - 1;
            below = below && first.index == 0;
            if (!above && !below) revert NoFraud();
        } else if (!above || !below) {
            revert NoFraud();
        }
        _cancel(batch, "share_unpaid");
    }

    /// A line that pays another amount than the share it stands for.
    function refuteAmount(
        uint256 batch,
        ReceiptHeader calldata header,
        LineAt calldata opening,
        ShareAt calldata shareOpening
    ) external {
        _openLine(batch, opening);
        if (_inBatch(batch, header) != opening.line.receiptId) revert NoFraud();
        _openShare(header, shareOpening);
        if (opening.line.account != shareOpening.share.account || opening.line.amount == shareOpening.share.amount) {
            revert NoFraud();
        }
        _cancel(batch, "line_amount");
    }

    // ---- frauds in the shares of a receipt (a poster must not batch it)

    /// Shares unsorted or doubled, a running sum that is wrong, a share of nothing, or a last sum that is not the fee. One
    /// opening: the first or the last share; two: any neighbours.
    function refuteShares(uint256 batch, ReceiptHeader calldata header, ShareAt[] calldata around) external {
        _inBatch(batch, header);
        _openShares(header, around);
        ShareAt calldata last = around[around.length - 1];
        bool fraud = last.index == header.shareCount - 1 && last.share.cumulative != header.fee;
        if (around.length == 2) {
            ShareAt calldata left = around[0];
            fraud = fraud || left.share.account >= last.share.account
                || Receipts.wrongSum(left.share.cumulative, last.share.amount, last.share.cumulative);
        } else if (last.index == 0) {
            fraud = fraud || Receipts.wrongSum(0, last.share.amount, last.share.cumulative);
        }
        if (!fraud) revert NoFraud();
        _cancel(batch, "shares");
    }

    // ---- leaves that nobody can open

    /// Demands that line `index` be opened. The bond goes to the poster who opens it, else back with the reward.
    function demandLine(uint256 batch, uint256 index) external payable {
        Batch storage posted = _posted(batch);
        _demand(batch, LINES, posted.linesRoot, posted.lineCount, index);
    }

    /// Demands that share `index` of a receipt of the batch be opened.
    function demandShare(uint256 batch, ReceiptHeader calldata header, uint256 index) external payable {
        _inBatch(batch, header);
        _demand(batch, SHARES, header.sharesRoot, header.shareCount, index);
    }

    function answerLine(uint256 batch, LineAt calldata opening) external {
        _openLine(batch, opening);
        Batch storage posted = batches[batch];
        _answer(batch, demandKey(batch, LINES, posted.linesRoot, posted.lineCount, opening.index));
    }

    function answerShare(uint256 batch, ReceiptHeader calldata header, ShareAt calldata opening) external {
        _inBatch(batch, header);
        _openShare(header, opening);
        _answer(batch, demandKey(batch, SHARES, header.sharesRoot, header.shareCount, opening.index));
    }

    /// The time to answer has passed: the batch falls.
    function refuteUnanswered(uint256 batch, bytes32 key) external {
        Demand storage demand = demands[key];
        if (!demand.open || demand.batch != batch) revert DemandInvalid();
        if (block.timestamp < demand.deadline) revert AnswerPending(demand.deadline);
        _cancel(batch, "unanswered");
    }

    /// Returns the bond of a demand that its batch did not outlive.
    function reclaimDemand(bytes32 key) external {
        Demand storage demand = demands[key];
        if (!demand.open || batches[demand.batch].status != Status.Cancelled) revert DemandInvalid();
        demand.open = false;
        wopen.pay(demand.demander, demandBond);
    }

    /// `tree` is LINES or SHARES. The count is part of it: one root under two counts is two trees.
    function demandKey(uint256 batch, bytes32 tree, bytes32 root, uint32 count, uint256 index)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(batch, tree, root, count, index));
    }

    function _demand(uint256 batch, bytes32 tree, bytes32 root, uint32 count, uint256 index) private {
        Batch storage posted = _posted(batch);
        bytes32 key = demandKey(batch, tree, root, count, index);
        if (index >= count || demands[key].demander != address(0) || block.timestamp >= posted.windowEnd) {
            revert DemandInvalid();
        }
        _take(demandBond);
        uint64 deadline = uint64(block.timestamp) + answerWindow;
        demands[key] = Demand(msg.sender, deadline, true, batch);
        ++posted.openDemands;
        _record(Demanded.selector, bytes32(batch), key, abi.encode(tree, root, count, index, deadline));
    }

    /// What was opened may show a fraud, so there is a whole window from now.
    function _answer(uint256 batch, bytes32 key) private {
        Batch storage posted = _posted(batch);
        Demand storage demand = demands[key];
        if (!demand.open) revert DemandInvalid();
        demand.open = false;
        --posted.openDemands;
        uint64 windowEnd = uint64(block.timestamp) + challengeWindow;
        if (posted.windowEnd < windowEnd) posted.windowEnd = windowEnd;
        _record(Answered.selector, bytes32(batch), key, abi.encode(posted.windowEnd));
        wopen.pay(posted.poster, demandBond);
    }

    // ---- openings

    function _openLine(uint256 batch, LineAt calldata opening) private view {
        Batch storage posted = batches[batch];
        if (!Merkle.holds(posted.linesRoot, posted.lineCount, opening.index, abi.encode(opening.line), opening.proof)) {
            revert NotOpened();
        }
    }

    /// One line, or two neighbours in order.
    function _openLines(uint256 batch, LineAt[] calldata around) private view {
        if (around.length == 0 || around.length > 2) revert NotOpened();
        for (uint256 i = 0; i < around.length; ++i) {
            _openLine(batch, around[i]);
        }
        if (around.length == 2 && around[1].index != around[0].index + 1) revert NotOpened();
    }

    function _openShare(ReceiptHeader calldata header, ShareAt calldata opening) private pure {
        if (!Merkle.holds(
                header.sharesRoot, header.shareCount, opening.index, abi.encode(opening.share), opening.proof
            )) {
            revert NotOpened();
        }
    }

    function _openShares(ReceiptHeader calldata header, ShareAt[] calldata around) private pure {
        if (around.length == 0 || around.length > 2) revert NotOpened();
        for (uint256 i = 0; i < around.length; ++i) {
            _openShare(header, around[i]);
        }
        if (around.length == 2 && around[1].index != around[0].index + 1) revert NotOpened();
    }
}
