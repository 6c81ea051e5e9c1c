// SPDX-License-Identifier: MIT
// Datanets and their contributions: who brought which documents, under which licence, in which order. Not the texts (they
// lie on the DA layer, by hash), and no judgement of them: acceptance windows and slashing come later.
// Invariants: `order` is a global counter taken at *commit*, so whoever committed first comes first whatever is revealed
// when; a commitment is revealed once, by its author, in a later block; head_{n+1} = keccak256(head_n ‖ contributionHash),
// head_0 = 0, and headAt[datanet][n] never changes, so head_n binds the first n contributions and the index over them.
// Source: chain.md "Contracts", attribution.md "first commit"; hashes as in src/attribution/contributions.ts.
pragma solidity ^0.8.28;

import {Journal} from "./Journal.sol";

contract Datanets is Journal {
    struct Datanet {
        address curator;
        bool open;
        uint64 contributions;
        bytes32 licence;
        string name;
    }

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

    uint256 private constant MAX_NAME = 64;
    uint256 private constant MAX_DA_COMMITMENT = 1024;

    /// Number of datanets; ids run from 1.
    uint256 public datanetCount;
    /// The last order given out.
    uint64 public lastOrder;
    mapping(uint256 datanet => Datanet) public datanets;
    mapping(uint256 datanet => mapping(uint256 n => bytes32 head)) public headAt;
    mapping(bytes32 commitment => Commit) public commits;
    /// keccak256(datanet, author, root) of every contribution.
    mapping(bytes32 => bool) public contributed;
    /// Who may contribute to a datanet that is not open, beside its curator.
    mapping(uint256 datanet => mapping(address account => bool)) public members;

    event DatanetCreated(uint256 indexed datanet, address indexed curator, bytes32 licence, bool open, string name);
    event MemberSet(uint256 indexed datanet, address indexed account, bool allowed);
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

    error NameInvalid();
    error UnknownDatanet(uint256 datanet);
    error NotCurator(address sender);
    error NotMember(address sender);
    error AlreadyCommitted(bytes32 commitment);
    error NotCommitted(bytes32 commitment);
    error AlreadyRevealed(bytes32 commitment);
    error RevealTooEarly(uint256 committedAt);
    error AlreadyContributed(uint256 datanet, address author, bytes32 root);
    error DocumentsInvalid();

    /// A new datanet curated by the caller. `open`: anyone may contribute.
    function create(string calldata name, bytes32 licence, bool open) external returns (uint256 datanet) {
        if (bytes(name).length == 0 || bytes(name).length > MAX_NAME) revert NameInvalid();
        datanet = ++datanetCount;
        Datanet storage created = datanets[datanet];
        (created.curator, created.open, created.licence, created.name) = (msg.sender, open, licence, name);
        _record(DatanetCreated.selector, bytes32(datanet), _word(msg.sender), abi.encode(licence, open, name));
    }

    function setMember(uint256 datanet, address account, bool allowed) external {
        _onlyCurator(datanet);
        members[datanet][account] = allowed;
        _record(MemberSet.selector, bytes32(datanet), _word(account), abi.encode(allowed));
    }

    /// Takes the next place in the order for keccak256(author ‖ root ‖ salt). The hash binds its author, so a copied
    /// commitment only serves the one it was copied from.
    function commit(bytes32 commitment) external returns (uint64 order) {
        if (commits[commitment].order != 0) revert AlreadyCommitted(commitment);
        order = ++lastOrder;
        commits[commitment] = Commit(order, uint64(block.number), false);
        _record(Committed.selector, commitment, _word(msg.sender), abi.encode(order));
    }

    /// Reveals the caller's commitment, at least one block later, as a contribution to `datanet`.
    function reveal(uint256 datanet, Documents calldata documents, bytes32 salt) external returns (uint256 index) {
        bytes32 commitment = commitmentOf(msg.sender, documents.root, salt);
        Commit storage committed = commits[commitment];
        if (committed.order == 0) revert NotCommitted(commitment);
        if (committed.revealed) revert AlreadyRevealed(commitment);
        if (block.number <= committed.blockNumber) revert RevealTooEarly(committed.blockNumber);
        Datanet storage net = _datanet(datanet);
        if (!net.open && net.curator != msg.sender && !members[datanet][msg.sender]) revert NotMember(msg.sender);
        committed.revealed = true;
        return _append(datanet, msg.sender, documents, committed.order);
    }

    /// The curator of an archive brings contributions in its authors' names; they are paid. Each takes an order of now.
    function importContributions(uint256 datanet, Import[] calldata imports) external {
        _onlyCurator(datanet);
        for (uint256 i = 0; i < imports.length; ++i) {
            _append(datanet, imports[i].author, imports[i].documents, ++lastOrder);
        }
    }

    function commitmentOf(address author, bytes32 root, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encodePacked(author, root, salt));
    }

    function _append(uint256 datanet, address author, Documents calldata documents, uint64 order)
        private
        returns (uint256 index)
    {
        if (
            author == address(0) || documents.root == 0 || documents.documents == 0 || documents.tokens == 0
                || documents.daCommitment.length > MAX_DA_COMMITMENT
        ) revert DocumentsInvalid();
        bytes32 key = keccak256(abi.encode(datanet, author, documents.root));
        if (contributed[key]) revert AlreadyContributed(datanet, author, documents.root);
        contributed[key] = true;
        index = datanets[datanet].contributions++;
        bytes32 daHash = documents.daCommitment.length == 0 ? bytes32(0) : keccak256(documents.daCommitment);
        bytes32 head = _extendHead(datanet, index, author, documents, daHash, order);
        bytes memory body = abi.encode(
            index,
            documents.root,
            documents.documents,
            documents.tokens,
            documents.licence,
            daHash,
            order,
            head,
            documents.daCommitment
        );
        _record(Contributed.selector, bytes32(datanet), _word(author), body);
    }

    function _extendHead(
        uint256 datanet,
        uint256 index,
        address author,
        Documents calldata documents,
        bytes32 daHash,
        uint64 order
    ) private returns (bytes32 head) {
        bytes32 contribution = keccak256(
            abi.encode(
                datanet,
                index,
                author,
                documents.root,
                documents.documents,
                documents.tokens,
                documents.licence,
                daHash,
                order
            )
        );
        head = keccak256(bytes.concat(headAt[datanet][index], contribution));
        headAt[datanet][index + 1] = head;
    }

    function _datanet(uint256 datanet) private view returns (Datanet storage net) {
        net = datanets[datanet];
        if (net.curator == address(0)) revert UnknownDatanet(datanet);
    }

    function _onlyCurator(uint256 datanet) private view {
        if (_datanet(datanet).curator != msg.sender) revert NotCurator(msg.sender);
    }
}
