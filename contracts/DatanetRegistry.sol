// SPDX-License-Identifier: MIT
// Which datanets there are and who may contribute to them: name, licence, description, curator, and each account's access.
// Not their contributions (Datanets.sol). Texts that are only read (description, notes, reasons) live in events alone: the
// journal binds them, so they cost no storage and are as provable as a slot.
// Invariants: a datanet never changes its curator, licence or rule; only an account asks for itself, only the curator
// grants, refuses or revokes; access(curator) is always granted.
// Source: app.md "Datanets", chain.md "Contracts" and "Journals".
pragma solidity ^0.8.28;

import {Journal} from "./Journal.sol";

abstract contract DatanetRegistry is Journal {
    enum Access {
        None,
        Asked,
        Granted,
        Refused,
        Revoked
    }

    struct Datanet {
        address curator;
        bool open;
        bool reviewed;
        uint64 contributions;
        bytes32 licence;
        string name;
    }

    uint256 private constant MAX_NAME = 64;
    uint256 internal constant MAX_NOTE = 512;
    uint256 private constant MAX_DESCRIPTION = 2048;

    /// Number of datanets; ids run from 1.
    uint256 public datanetCount;
    /// `licence` is keccak256 of the licence's name.
    mapping(uint256 datanet => Datanet) public datanets;
    /// Where an account stands with a datanet that is not open.
    mapping(uint256 datanet => mapping(address account => Access)) public access;

    event DatanetCreated(
        uint256 indexed datanet,
        address indexed curator,
        bool open,
        bool reviewed,
        string name,
        string licence,
        string description
    );
    event Described(uint256 indexed datanet, address indexed curator, string description);
    event AccessAsked(uint256 indexed datanet, address indexed account, string note);
    event AccessSet(uint256 indexed datanet, address indexed account, Access access, string reason);

    error NameInvalid();
    error TextTooLong(uint256 bytes_, uint256 most);
    error UnknownDatanet(uint256 datanet);
    error NotCurator(address sender);
    error NotMember(address sender);
    error AccessNotAsked(address account);
    error AccessSettled(address account);

    /// A new datanet curated by the caller. `open`: anyone may contribute, else by grant. `reviewed`: what others
    /// contribute waits for the curator.
    function create(
        string calldata name,
        string calldata licence,
        string calldata description,
        bool open,
        bool reviewed
    ) external returns (uint256 datanet) {
        if (bytes(name).length == 0 || bytes(name).length > MAX_NAME) revert NameInvalid();
        if (bytes(licence).length == 0 || bytes(licence).length > MAX_NAME) revert NameInvalid();
        _bounded(description, MAX_DESCRIPTION);
        datanet = ++datanetCount;
        Datanet storage created = datanets[datanet];
        (created.curator, created.open, created.reviewed, created.name) = (msg.sender, open, reviewed, name);
        created.licence = keccak256(bytes(licence));
        bytes memory body = abi.encode(open, reviewed, name, licence, description);
        _record(DatanetCreated.selector, bytes32(datanet), _word(msg.sender), body);
    }

    function describe(uint256 datanet, string calldata description) external {
        _onlyCurator(datanet);
        _bounded(description, MAX_DESCRIPTION);
        _record(Described.selector, bytes32(datanet), _word(msg.sender), abi.encode(description));
    }

    /// Asks the curator for access; again after a refusal, not after a revocation.
    function askAccess(uint256 datanet, string calldata note) external {
        Datanet storage net = _datanet(datanet);
        Access now_ = access[datanet][msg.sender];
        if (net.open || net.curator == msg.sender || (now_ != Access.None && now_ != Access.Refused)) {
            revert AccessSettled(msg.sender);
        }
        _bounded(note, MAX_NOTE);
        access[datanet][msg.sender] = Access.Asked;
        _record(AccessAsked.selector, bytes32(datanet), _word(msg.sender), abi.encode(note));
    }

    /// Grants access, asked for or not; or refuses what was asked, or revokes what was granted, with a reason.
    function setAccess(uint256 datanet, address account, bool allowed, string calldata reason) external {
        _onlyCurator(datanet);
        _bounded(reason, MAX_NOTE);
        Access now_ = access[datanet][account];
        Access next = allowed ? Access.Granted : now_ == Access.Granted ? Access.Revoked : Access.Refused;
        if (allowed ? now_ == Access.Granted : now_ != Access.Granted && now_ != Access.Asked) {
            revert AccessNotAsked(account);
        }
        access[datanet][account] = next;
        _record(AccessSet.selector, bytes32(datanet), _word(account), abi.encode(next, reason));
    }

    function _datanet(uint256 datanet) internal view returns (Datanet storage net) {
        net = datanets[datanet];
        if (net.curator == address(0)) revert UnknownDatanet(datanet);
    }

    function _onlyCurator(uint256 datanet) internal view {
        if (_datanet(datanet).curator != msg.sender) revert NotCurator(msg.sender);
    }

    function _onlyMember(uint256 datanet) internal view returns (Datanet storage net) {
        net = _datanet(datanet);
        if (!net.open && net.curator != msg.sender && access[datanet][msg.sender] != Access.Granted) {
            revert NotMember(msg.sender);
        }
    }

    function _bounded(string calldata text, uint256 most) internal pure {
        if (bytes(text).length > most) revert TextTooLong(bytes(text).length, most);
    }
}
