// SPDX-License-Identifier: MIT
// Bonded batches of receipts: posted, then final after a window, or cancelled. Not the frauds (Attributions.sol), not the
// payments (Payouts.sol).
// Invariants: a receipt counts once (`batchOf`), a payer's nonce once (`receiptAt`); Σ fees of a batch left the payers'
// deposits when it was posted and either goes to `Payouts` whole (final) or back to the deposits (cancelled, refunded
// receipt by receipt so that no batch is too big to be refuted); lineCount = Σ shareCount; a final batch never changes.
// Source: chain.md "Contracts", "Lines, not sums".
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {Escrow} from "./Escrow.sol";
import {Payouts} from "./Payouts.sol";
import {ReceiptHeader, Receipts} from "./Receipts.sol";
import {WOPEN} from "./WOPEN.sol";

abstract contract Batches is Escrow, EIP712 {
    enum Status {
        None,
        Posted,
        Final,
        Cancelled
    }

    struct Batch {
        address poster;
        Status status;
        uint64 postedAt;
        uint64 windowEnd;
        uint32 lineCount;
        uint32 receiptCount;
        uint32 openDemands;
        uint256 total;
        uint256 bond;
        bytes32 linesRoot;
        bytes32 daCommitmentHash;
        bytes32 parametersHash;
    }

    struct Settings {
        address governor;
        bytes32 parametersHash;
        /// wei, per batch
        uint256 bond;
        /// seconds
        uint64 challengeWindow;
        uint64 withdrawalDelay;
        /// wei, per demanded leaf, and the seconds the poster has to open it
        uint256 demandBond;
        uint64 answerWindow;
    }

    uint256 private constant MAX_RECEIPTS = 256;
    uint256 private constant MAX_DA_COMMITMENT = 1024;

    Payouts public immutable payouts;
    uint256 public immutable bond;
    uint64 public immutable challengeWindow;
    address public governor;
    /// keccak256 of the canonical parameters (threshold, fee, commons …) that receipts are made under.
    bytes32 public parametersHash;
    /// Number of batches; ids run from 1.
    uint256 public batchCount;
    mapping(uint256 batch => Batch) public batches;
    mapping(bytes32 receiptId => uint256 batch) public batchOf;
    mapping(address payer => mapping(uint64 nonce => bytes32 receiptId)) public receiptAt;

    event ParametersSet(bytes32 indexed parametersHash, address indexed governor);
    event ReceiptPosted(
        bytes32 indexed receiptId,
        address indexed payer,
        uint256 batch,
        uint64 nonce,
        bytes32 content,
        bytes32 sharesRoot,
        uint32 shareCount,
        uint256 fee
    );
    event BatchPosted(
        uint256 indexed batch,
        address indexed poster,
        bytes32 linesRoot,
        uint32 lineCount,
        uint32 receiptCount,
        uint256 total,
        uint256 bond,
        uint64 windowEnd,
        bytes32 parametersHash,
        bytes daCommitment
    );
    event BatchFinalised(uint256 indexed batch, address indexed poster, uint256 total);
    event BatchCancelled(uint256 indexed batch, address indexed challenger, bytes32 fraud);
    event Refunded(bytes32 indexed receiptId, address indexed payer, uint256 batch, uint256 fee);

    error NotGovernor(address sender);
    error BatchInvalid();
    error UnknownChannel(bytes32 channel);
    error AlreadyPosted(bytes32 receiptId, uint256 batch);
    error NonceUsed(address payer, uint64 nonce);
    error WrongSignature(bytes32 receiptId);
    error NotPosted(uint256 batch);
    error NotCancelled(uint256 batch);
    error WindowOpen(uint64 windowEnd);
    error DemandsOpen(uint32 openDemands);
    error NotInBatch(bytes32 receiptId, uint256 batch);

    constructor(WOPEN wopen_, Settings memory settings)
        Escrow(wopen_, settings.withdrawalDelay)
        EIP712("Open Chat", "1")
    {
        (governor, bond, challengeWindow) = (settings.governor, settings.bond, settings.challengeWindow);
        payouts = new Payouts(this, wopen_);
        _setParameters(settings.parametersHash);
    }

    function setParameters(bytes32 hash) external {
        if (msg.sender != governor) revert NotGovernor(msg.sender);
        _setParameters(hash);
    }

    /// Posts receipts with a bond (native, or WOPEN by allowance) and the root over all their lines.
    /// @param daCommitment where the receipts, shares and lines were published, as the DA layer gave it.
    function post(
        ReceiptHeader[] calldata receipts,
        bytes[] calldata signatures,
        bytes32 linesRoot,
        uint32 lineCount,
        bytes calldata daCommitment
    ) external payable returns (uint256 batch) {
        if (
            receipts.length == 0 || receipts.length > MAX_RECEIPTS || receipts.length != signatures.length
                || daCommitment.length > MAX_DA_COMMITMENT
        ) revert BatchInvalid();
        _take(bond);
        batch = ++batchCount;
        uint256 total;
        uint256 shares;
        for (uint256 i = 0; i < receipts.length; ++i) {
            _postReceipt(batch, receipts[i], signatures[i]);
            total += receipts[i].fee;
            shares += receipts[i].shareCount;
        }
        if (shares != lineCount) revert BatchInvalid();
        Batch storage posted = batches[batch];
        (posted.poster, posted.status, posted.total, posted.bond) = (msg.sender, Status.Posted, total, bond);
        posted.postedAt = uint64(block.timestamp);
        posted.windowEnd = uint64(block.timestamp) + challengeWindow;
        (posted.lineCount, posted.receiptCount) = (lineCount, uint32(receipts.length));
        (posted.linesRoot, posted.daCommitmentHash) = (linesRoot, keccak256(daCommitment));
        posted.parametersHash = parametersHash;
        _recordBatch(batch, posted, daCommitment);
    }

    /// After the window: the escrow goes to `payouts`, the bond back to its poster. Anyone may call it.
    function finalise(uint256 batch) external {
        Batch storage posted = _posted(batch);
        if (block.timestamp < posted.windowEnd) revert WindowOpen(posted.windowEnd);
        if (posted.openDemands != 0) revert DemandsOpen(posted.openDemands);
        posted.status = Status.Final;
        _record(BatchFinalised.selector, bytes32(batch), _word(posted.poster), abi.encode(posted.total));
        wopen.transfer(address(payouts), posted.total);
        wopen.pay(posted.poster, posted.bond);
    }

    /// Gives the fees of a cancelled batch back to their payers' deposits; the receipts may then be posted again.
    function refund(uint256 batch, ReceiptHeader[] calldata receipts) external {
        if (batches[batch].status != Status.Cancelled) revert NotCancelled(batch);
        for (uint256 i = 0; i < receipts.length; ++i) {
            ReceiptHeader calldata header = receipts[i];
            bytes32 id = _inBatch(batch, header);
            delete batchOf[id];
            delete receiptAt[header.payer][header.nonce];
            deposits[header.payer].balance += header.fee;
            _record(Refunded.selector, id, _word(header.payer), abi.encode(batch, header.fee));
        }
    }

    /// What `payouts` needs to know of a batch.
    function settlement(uint256 batch)
        external
        view
        returns (Status status, uint256 total, bytes32 linesRoot, uint32 lineCount)
    {
        Batch storage known = batches[batch];
        return (known.status, known.total, known.linesRoot, known.lineCount);
    }

    /// The 32 bytes that a payer signs.
    function digestOf(ReceiptHeader memory header) public view returns (bytes32) {
        return _hashTypedDataV4(Receipts.id(header));
    }

    function _postReceipt(uint256 batch, ReceiptHeader calldata header, bytes calldata signature) private {
        bytes32 id = Receipts.id(header);
        if (header.channel != 0) revert UnknownChannel(header.channel);
        if (header.fee == 0 || header.shareCount == 0) revert BatchInvalid();
        if (batchOf[id] != 0) revert AlreadyPosted(id, batchOf[id]);
        if (receiptAt[header.payer][header.nonce] != 0) revert NonceUsed(header.payer, header.nonce);
        (address signer, ECDSA.RecoverError failure,) = ECDSA.tryRecover(_hashTypedDataV4(id), signature);
        if (failure != ECDSA.RecoverError.NoError || signer != header.payer) revert WrongSignature(id);
        _debit(header.payer, header.fee);
        batchOf[id] = batch;
        receiptAt[header.payer][header.nonce] = id;
        bytes memory body =
            abi.encode(batch, header.nonce, header.content, header.sharesRoot, header.shareCount, header.fee);
        _record(ReceiptPosted.selector, id, _word(header.payer), body);
    }

    function _recordBatch(uint256 batch, Batch storage posted, bytes calldata daCommitment) private {
        bytes memory body = abi.encode(
            posted.linesRoot,
            posted.lineCount,
            posted.receiptCount,
            posted.total,
            posted.bond,
            posted.windowEnd,
            posted.parametersHash,
            daCommitment
        );
        _record(BatchPosted.selector, bytes32(batch), _word(posted.poster), body);
    }

    /// A fraud was shown: half of the bond to who showed it, half burnt.
    function _cancel(uint256 batch, bytes32 fraud) internal {
        Batch storage posted = _posted(batch);
        posted.status = Status.Cancelled;
        _record(BatchCancelled.selector, bytes32(batch), _word(msg.sender), abi.encode(fraud));
        uint256 reward = posted.bond / 2;
        wopen.burn(posted.bond - reward);
        wopen.pay(msg.sender, reward);
    }

    function _posted(uint256 batch) internal view returns (Batch storage posted) {
        posted = batches[batch];
        if (posted.status != Status.Posted) revert NotPosted(batch);
    }

    function _inBatch(uint256 batch, ReceiptHeader calldata header) internal view returns (bytes32 id) {
        id = Receipts.id(header);
        if (batchOf[id] != batch) revert NotInBatch(id, batch);
    }

    function _setParameters(bytes32 hash) private {
        parametersHash = hash;
        _record(ParametersSet.selector, hash, _word(msg.sender), "");
    }
}
