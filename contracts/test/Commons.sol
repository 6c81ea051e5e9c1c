// SPDX-License-Identifier: MIT
// What people may do to three datanets in any order: ask, grant, revoke, contribute, accept, refuse, retract, withdraw, each by
// the right account and by wrong ones. Driven by Curation.t.sol. It remembers what should be so and is never asked to guess.
pragma solidity ^0.8.28;

import {DatanetRegistry} from "../DatanetRegistry.sol";
import {Datanets} from "../Datanets.sol";
import {Test} from "./Vm.sol";

contract Commons is Test {
    struct Sent {
        uint256 datanet;
        uint256 number;
        Datanets.Submission submission;
        bool decided;
    }

    struct Taken {
        uint256 datanet;
        address author;
        Datanets.Held held;
        bool withdrawn;
    }

    uint256 internal constant PEOPLE = 4;
    bytes32 internal constant LICENCE = keccak256("CC0-1.0");
    Datanets internal datanets = new Datanets();
    Sent[] internal sent;
    Taken[] internal taken;
    mapping(uint256 datanet => bytes32) public headExpected;
    mapping(uint256 datanet => uint256) public contributionsExpected;
    mapping(bytes32 => uint256) internal claims;
    uint256 internal decided;
    uint256 public withdrawals;
    bool public decidedTwice;
    bool public trespassed;

    constructor() {
        // 1 open, 2 open and reviewed, 3 by grant and reviewed; this contract curates them.
        datanets.create("open", "CC0-1.0", "", true, false);
        datanets.create("reviewed", "CC0-1.0", "", true, true);
        datanets.create("by grant", "CC0-1.0", "", false, true);
    }

    // ---- what people do: half of it is not allowed, and what is refused must change nothing, which the invariants look at

    function asks(uint256 who, uint256 which) external {
        vm.prank(person(who));
        try datanets.askAccess(1 + which % 3, "note") {} catch {}
    }

    function grants(uint256 who, uint256 which, bool allowed) external {
        try datanets.setAccess(1 + which % 3, person(who), allowed, "reason") {} catch {}
    }

    function contributes(uint256 who, uint256 which, uint256 text) external {
        address author = person(who);
        uint256 datanet = 1 + which % 3;
        Datanets.Documents memory documents = Datanets.Documents(keccak256(abi.encode(text % 6)), 2, 30, LICENCE, "");
        bytes32 salt = bytes32(block.number);
        uint64 order = datanets.commit(datanets.commitmentOf(author, documents.root, salt));
        vm.roll(block.number + 1);
        bool member = datanet != 3 || datanets.access(3, author) == DatanetRegistry.Access.Granted;
        vm.prank(author);
        try datanets.reveal(datanet, documents, salt) returns (uint256 number) {
            trespassed = trespassed || !member;
            ++claims[claim(datanet, author, documents.root)];
            if (datanet == 1) take(datanet, author, documents, order);
            else sent.push(Sent(datanet, number, Datanets.Submission(author, order, documents), false));
        } catch {}
    }

    function accepts(uint256 which) external {
        if (sent.length == 0) return;
        Sent storage held = sent[which % sent.length];
        try datanets.accept(held.datanet, held.number, held.submission) {
            settle(held);
            take(held.datanet, held.submission.author, held.submission.documents, held.submission.order);
        } catch {}
    }

    function refuses(uint256 which, uint256 reason) external {
        if (sent.length == 0) return;
        Sent storage held = sent[which % sent.length];
        try datanets.refuse(held.datanet, held.number, held.submission, Datanets.Reason(reason % 7), "no") {
            settle(held);
            --claims[claim(held.datanet, held.submission.author, held.submission.documents.root)];
        } catch {}
    }

    /// By its author, or by the next person.
    function retracts(uint256 which) external {
        if (sent.length == 0) return;
        Sent storage held = sent[which % sent.length];
        address by = which % 3 == 0 ? person(which) : held.submission.author;
        vm.prank(by);
        try datanets.retract(held.datanet, held.number, held.submission) {
            trespassed = trespassed || by != held.submission.author;
            settle(held);
            --claims[claim(held.datanet, held.submission.author, held.submission.documents.root)];
        } catch {}
    }

    /// By its author, or by the next person.
    function withdraws(uint256 which) external {
        if (taken.length == 0) return;
        Taken storage held = taken[which % taken.length];
        address by = which % 3 == 0 ? person(which) : held.author;
        vm.prank(by);
        try datanets.withdraw(held.datanet, held.held) {
            trespassed = trespassed || by != held.author || held.withdrawn;
            held.withdrawn = true;
            ++withdrawals;
        } catch {}
    }

    // ---- what is so

    function headHeld(uint256 datanet) external view returns (bytes32) {
        return datanets.headAt(datanet, contributionsHeld(datanet));
    }

    function contributionsHeld(uint256 datanet) public view returns (uint256 count) {
        (,,, count,,) = datanets.datanets(datanet);
    }

    function queue() external view returns (uint256 submitted, uint256 settled, uint256 waiting) {
        submitted = datanets.submissions(1) + datanets.submissions(2) + datanets.submissions(3);
        settled = decided;
        waiting = sent.length - decided;
    }

    function waitingHeld() external view returns (uint256 count) {
        for (uint256 datanet = 1; datanet <= 3; ++datanet) {
            for (uint256 n = 0; n < datanets.submissions(datanet); ++n) {
                if (datanets.waiting(datanet, n) != 0) ++count;
            }
        }
    }

    function withdrawalsHold() external view returns (bool) {
        for (uint256 i = 0; i < taken.length; ++i) {
            if (datanets.withdrawn(taken[i].datanet, taken[i].held.index) != taken[i].withdrawn) return false;
        }
        return true;
    }

    /// `contributed` says exactly what stands or waits, and nothing does so twice.
    function claimsHold() external view returns (bool) {
        for (uint256 datanet = 1; datanet <= 3; ++datanet) {
            for (uint256 who = 0; who < PEOPLE; ++who) {
                for (uint256 text = 0; text < 6; ++text) {
                    bytes32 key = claim(datanet, person(who), keccak256(abi.encode(text)));
                    if (claims[key] > 1 || datanets.contributed(key) != (claims[key] == 1)) return false;
                }
            }
        }
        return true;
    }

    // ---- by itself

    function settle(Sent storage held) private {
        decidedTwice = decidedTwice || held.decided;
        held.decided = true;
        ++decided;
    }

    function take(uint256 datanet, address author, Datanets.Documents memory documents, uint64 order) private {
        uint256 index = contributionsExpected[datanet]++;
        Datanets.Held memory held =
            Datanets.Held(index, documents.root, documents.documents, documents.tokens, LICENCE, 0, order);
        bytes32 hash = keccak256(
            abi.encode(datanet, index, author, held.root, held.documents, held.tokens, LICENCE, bytes32(0), order)
        );
        headExpected[datanet] = keccak256(bytes.concat(headExpected[datanet], hash));
        taken.push(Taken(datanet, author, held, false));
    }

    function claim(uint256 datanet, address author, bytes32 root) private pure returns (bytes32) {
        return keccak256(abi.encode(datanet, author, root));
    }

    function person(uint256 who) private pure returns (address) {
        return address(uint160(0xA000 + who % PEOPLE));
    }
}
