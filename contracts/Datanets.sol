// SPDX-License-Identifier: MIT
// Contributions to datanets: who brought which documents, under which licence, in which order; what waits for a curator; what
// its author has withdrawn. Not the texts (they lie on the DA layer, by hash); slashing comes later.
// Invariants: `order` is a global counter taken at *commit*, so whoever committed first comes first whatever is revealed
// or accepted when; a commitment is revealed once, by its author, in a later block; head_{n+1} = keccak256(head_n ‖
// contributionHash), head_0 = 0, and headAt[datanet][n] never changes, so head_n binds the first n contributions and the
// index over them; what waits is in no head, and is decided once; a withdrawal is its author's, and moves no head.
// Source: chain.md "Contracts", attribution.md "first commit"; hashes as in src/attribution/contributions.ts.
pragma solidity ^0.8.28;

import {DatanetRegistry} from "./DatanetRegistry.sol";

contract Datanets is DatanetRegistry {
    struct Commit {
        uint64 order;
        uint64 blockNumber;
        bool revealed;
    }

    /// What a contribution commits to. `licence` is keccak256 of the licence's name, `daCommitment` as the DA layer gave it.
    struct Documents {
        bytes32 root;
        uint32 documents;
        uint64 tokens;
        bytes32 licence;
        bytes daCommitment;
    }

    struct Import {
        address author;
        Documents documents;
    }

    /// What waits for the curator; the contract keeps its hash alone.
    struct Submission {
        address author;
        uint64 order;
        Documents documents;
    }

    /// A contribution as its head hashed it.
    struct Held {
        uint256 index;
        bytes32 root;
        uint32 documents;
        uint64 tokens;
        bytes32 licence;
        bytes32 daCommitmentHash;
        uint64 order;
    }

    enum Verdict {
        None,
        Accepted,
        Refused,
        Retracted
    }

    enum Reason {
        None,
        OffTopic,
        Duplicate,
        Quality,
        PersonalData,
        NotPermitted,
        Other
    }

    uint256 private constant MAX_DA_COMMITMENT = 1024;

    /// The last order given out.
    uint64 public lastOrder;
    mapping(uint256 datanet => mapping(uint256 n => bytes32 head)) public headAt;
    mapping(bytes32 commitment => Commit) public commits;
    /// keccak256(datanet, author, root) of every contribution, and of what waits to be one.
    mapping(bytes32 => bool) public contributed;
    /// How many submissions a datanet has had; they are numbered from 0.
    mapping(uint256 datanet => uint256) public submissions;
    /// keccak256(abi.encode(Submission)) of what waits, zero once it is decided.
    mapping(uint256 datanet => mapping(uint256 submission => bytes32)) public waiting;
    mapping(uint256 datanet => mapping(uint256 index => bool)) public withdrawn;

    event Committed(bytes32 indexed commitment, address indexed sender, uint64 order);
    event Contributed(
        uint256 indexed datanet,
        address indexed author,
        uint256 index,
        bytes32 root,
        uint32 documents,
        uint64 tokens,
        bytes32 licence,
        bytes32 daCommitmentHash,
        uint64 order,
        bytes32 head,
        bytes daCommitment
    );
    event Submitted(
        uint256 indexed datanet,
        address indexed author,
        uint256 submission,
        bytes32 root,
        uint32 documents,
        uint64 tokens,
        bytes32 licence,
        uint64 order,
        bytes daCommitment
    );
    /// `index` is that of the contribution where the verdict is `Accepted`.
    event Decided(
        uint256 indexed datanet,
        address indexed author,
        uint256 submission,
        Verdict verdict,
        Reason reason,
        uint256 index,
        string sentence
    );
    event Withdrawn(uint256 indexed datanet, address indexed author, uint256 index);

    error AlreadyCommitted(bytes32 commitment);
    error NotCommitted(bytes32 commitment);
    error AlreadyRevealed(bytes32 commitment);
    error RevealTooEarly(uint256 committedAt);
    error AlreadyContributed(uint256 datanet, address author, bytes32 root);
    error DocumentsInvalid();
    error NotWaiting(uint256 datanet, uint256 submission);
    error ReasonMissing();
    error NotAuthor(address sender);
    error AlreadyWithdrawn(uint256 datanet, uint256 index);

    /// Takes the next place in the order for keccak256(author ‖ root ‖ salt). The hash binds its author, so a copied
    /// commitment only serves the one it was copied from.
    function commit(bytes32 commitment) external returns (uint64 order) {
        if (commits[commitment].order != 0) revert AlreadyCommitted(commitment);
        order = ++lastOrder;
        commits[commitment] = Commit(order, uint64(block.number), false);
        _record(Committed.selector, commitment, _word(msg.sender), abi.encode(order));
    }

    /// Reveals the caller's commitment, at least one block later: as a contribution to `datanet`, or, where its curator
    /// looks first, as a submission that waits. @return the number of the one or the other
    function reveal(uint256 datanet, Documents calldata documents, bytes32 salt) external returns (uint256) {
        bytes32 commitment = commitmentOf(msg.sender, documents.root, salt);
        Commit storage committed = commits[commitment];
        if (committed.order == 0) revert NotCommitted(commitment);
        if (committed.revealed) revert AlreadyRevealed(commitment);
        if (block.number <= committed.blockNumber) revert RevealTooEarly(committed.blockNumber);
        Datanet storage net = _onlyMember(datanet);
        committed.revealed = true;
        _claim(datanet, msg.sender, documents);
        if (net.reviewed && net.curator != msg.sender) {
            return _submit(datanet, Submission(msg.sender, committed.order, documents));
        }
        return _append(datanet, msg.sender, documents, committed.order);
    }

    /// The curator of an archive brings contributions in its authors' names; they are paid. Each takes an order of now.
    function importContributions(uint256 datanet, Import[] calldata imports) external {
        _onlyCurator(datanet);
        for (uint256 i = 0; i < imports.length; ++i) {
            _claim(datanet, imports[i].author, imports[i].documents);
            _append(datanet, imports[i].author, imports[i].documents, ++lastOrder);
        }
    }

    /// The curator takes a submission in; it keeps the order of its commit.
    function accept(uint256 datanet, uint256 number, Submission calldata submission) external returns (uint256 index) {
        _onlyCurator(datanet);
        _settle(datanet, number, submission);
        index = _append(datanet, submission.author, submission.documents, submission.order);
        _decide(datanet, submission.author, number, Verdict.Accepted, Reason.None, index, "");
    }

    /// The curator refuses a submission and says why. Its author may send the documents again.
    function refuse(
        uint256 datanet,
        uint256 number,
        Submission calldata submission,
        Reason reason,
        string calldata sentence
    ) external {
        _onlyCurator(datanet);
        if (reason == Reason.None || bytes(sentence).length == 0) revert ReasonMissing();
        _bounded(sentence, MAX_NOTE);
        _settle(datanet, number, submission);
        _release(datanet, submission);
        _decide(datanet, submission.author, number, Verdict.Refused, reason, 0, sentence);
    }

    /// The author takes back what still waits.
    function retract(uint256 datanet, uint256 number, Submission calldata submission) external {
        if (submission.author != msg.sender) revert NotAuthor(msg.sender);
        _settle(datanet, number, submission);
        _release(datanet, submission);
        _decide(datanet, msg.sender, number, Verdict.Retracted, Reason.None, 0, "");
    }

    /// The author of a contribution asks that no new answer retrieve it. It stays in every head.
    function withdraw(uint256 datanet, Held calldata held) external {
        _datanet(datanet);
        bytes32 head = keccak256(bytes.concat(headAt[datanet][held.index], _contributionHash(datanet, msg.sender, held)));
        if (head != headAt[datanet][held.index + 1]) revert NotAuthor(msg.sender);
        if (withdrawn[datanet][held.index]) revert AlreadyWithdrawn(datanet, held.index);
        withdrawn[datanet][held.index] = true;
        _record(Withdrawn.selector, bytes32(datanet), _word(msg.sender), abi.encode(held.index));
    }

    function commitmentOf(address author, bytes32 root, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(author, root, salt));
    }

    /// The same documents of the same author stand in a datanet, or wait for it, once.
    function _claim(uint256 datanet, address author, Documents calldata documents) private {
        if (
            author == address(0) || documents.root == 0 || documents.documents == 0 || documents.tokens == 0
                || documents.daCommitment.length > MAX_DA_COMMITMENT
        ) revert DocumentsInvalid();
        bytes32 key = keccak256(abi.encode(datanet, author, documents.root));
        if (contributed[key]) revert AlreadyContributed(datanet, author, documents.root);
        contributed[key] = true;
    }

    function _release(uint256 datanet, Submission calldata submission) private {
        contributed[keccak256(abi.encode(datanet, submission.author, submission.documents.root))] = false;
    }

    function _submit(uint256 datanet, Submission memory submission) private returns (uint256 number) {
        number = submissions[datanet]++;
        waiting[datanet][number] = keccak256(abi.encode(submission));
        Documents memory documents = submission.documents;
        bytes memory body = abi.encode(
            number,
            documents.root,
            documents.documents,
            documents.tokens,
            documents.licence,
            submission.order,
            documents.daCommitment
        );
        _record(Submitted.selector, bytes32(datanet), _word(submission.author), body);
    }

    function _settle(uint256 datanet, uint256 number, Submission calldata submission) private {
        bytes32 held = waiting[datanet][number];
        if (held == 0 || held != keccak256(abi.encode(submission))) revert NotWaiting(datanet, number);
        waiting[datanet][number] = 0;
    }

    function _decide(
        uint256 datanet,
        address author,
        uint256 number,
        Verdict verdict,
        Reason reason,
        uint256 index,
        string memory sentence
    ) private {
        bytes memory body = abi.encode(number, verdict, reason, index, sentence);
        _record(Decided.selector, bytes32(datanet), _word(author), body);
    }

    function _append(uint256 datanet, address author, Documents calldata documents, uint64 order)
        private
        returns (uint256 index)
    {
        index = datanets[datanet].contributions++;
        Held memory held = Held(
            index,
            documents.root,
            documents.documents,
            documents.tokens,
            documents.licence,
            documents.daCommitment.length == 0 ? bytes32(0) : keccak256(documents.daCommitment),
            order
        );
        bytes32 head = keccak256(bytes.concat(headAt[datanet][index], _contributionHash(datanet, author, held)));
        headAt[datanet][index + 1] = head;
        bytes memory body = abi.encode(
            index,
            held.root,
            held.documents,
            held.tokens,
            held.licence,
            held.daCommitmentHash,
            order,
            head,
            documents.daCommitment
        );
        _record(Contributed.selector, bytes32(datanet), _word(author), body);
    }

    function _contributionHash(uint256 datanet, address author, Held memory held) private pure returns (bytes32) {
        return keccak256(
            abi.encode(
                datanet,
                held.index,
                author,
                held.root,
                held.documents,
                held.tokens,
                held.licence,
                held.daCommitmentHash,
                held.order
            )
        );
    }
}
