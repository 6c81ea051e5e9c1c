// SPDX-License-Identifier: MIT
// A deployed house, three payers with deposits, and batches made from a seed. Not a test.
pragma solidity ^0.8.28;

import {Attributions} from "../Attributions.sol";
import {Batches} from "../Batches.sol";
import {Payouts} from "../Payouts.sol";
import {Line, LineAt, ReceiptHeader, Receipts, Share, ShareAt} from "../Receipts.sol";
import {WOPEN} from "../WOPEN.sol";
import {Trees} from "./Trees.sol";
import {Test} from "./Vm.sol";

/// What a poster is about to post.
struct Draft {
    ReceiptHeader[] headers;
    Share[][] shares;
    Line[] lines;
    bytes[] signatures;
}

abstract contract Fixture is Test {
    using Trees for Line[];
    using Trees for Share[];

    uint256 internal constant BOND = 0.5 ether;
    uint256 internal constant DEMAND_BOND = 0.01 ether;
    uint64 internal constant WINDOW = 100;
    uint64 internal constant ANSWER_WINDOW = 50;
    uint64 internal constant DELAY = 200;
    uint256 internal constant PAYER_KEY = 0xa11ce;
    uint256 internal constant PAYERS = 3;
    uint256 internal constant ACCOUNTS = 6;
    address internal constant POSTER = address(0xB057);
    address internal constant CHALLENGER = address(0xC4A1);

    WOPEN internal wopen;
    Attributions internal attributions;
    Payouts internal payouts;
    uint64 internal nonce;

    function deploy() internal {
        vm.warp(1_000_000);
        vm.roll(10);
        wopen = new WOPEN();
        attributions = new Attributions(
            wopen,
            Batches.Settings(address(this), keccak256("parameters"), BOND, WINDOW, DELAY, DEMAND_BOND, ANSWER_WINDOW)
        );
        payouts = attributions.payouts();
        vm.deal(POSTER, 1_000_000 ether);
        vm.deal(CHALLENGER, 1_000 ether);
        for (uint256 i = 0; i < PAYERS; ++i) {
            fund(payer(i), 1_000 ether);
        }
    }

    function fund(address account, uint256 amount) internal {
        vm.deal(address(this), amount);
        attributions.deposit{value: amount}(account);
    }

    function payer(uint256 i) internal pure returns (address) {
        return vm.addr(PAYER_KEY + i);
    }

    /// Contributors, ascending.
    function contributor(uint256 i) internal pure returns (address) {
        return address(uint160(0x1000 * (i + 1)));
    }

    /// One to four receipts of one to six shares each.
    function draft(uint256 seed) internal returns (Draft memory made) {
        uint256 count = bound(seed, 1, 4);
        made.headers = new ReceiptHeader[](count);
        made.shares = new Share[][](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, i)));
            made.shares[i] = sharesFrom(word);
            made.headers[i] = header(word % PAYERS, made.shares[i]);
        }
        made.lines = Trees.linesOf(made.headers, made.shares);
        sign(made);
    }

    /// A draft whose first receipt has at least two shares, for frauds that need neighbours.
    function wideDraft(uint256 seed) internal returns (Draft memory made) {
        Share[] memory shares = new Share[](3);
        uint256 cumulative;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 amount = 1 + (seed >> (i * 64)) % 1e18;
            cumulative += amount;
            shares[i] = Share(contributor(2 * i), amount, cumulative);
        }
        made = draft(seed);
        made.shares[0] = shares;
        made.headers[0] = header(seed % PAYERS, shares);
        made.lines = Trees.linesOf(made.headers, made.shares);
        sign(made);
    }

    function sharesFrom(uint256 word) internal pure returns (Share[] memory shares) {
        uint256 mask = bound(word, 1, 63);
        uint256 count;
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            count += (mask >> i) & 1;
        }
        shares = new Share[](count);
        uint256 next;
        uint256 cumulative;
        for (uint256 i = 0; i < ACCOUNTS; ++i) {
            if ((mask >> i) & 1 == 0) continue;
            uint256 amount = 1 + uint256(keccak256(abi.encode(word, i))) % 1e18;
            cumulative += amount;
            shares[next++] = Share(contributor(i), amount, cumulative);
        }
    }

    function header(uint256 who, Share[] memory shares) internal returns (ReceiptHeader memory) {
        bytes32 root = Trees.root(shares.leavesOf());
        uint256 fee = shares[shares.length - 1].cumulative;
        return ReceiptHeader(payer(who), 0, ++nonce, keccak256(abi.encode(nonce)), root, uint32(shares.length), fee);
    }

    function sign(Draft memory made) internal view {
        made.signatures = new bytes[](made.headers.length);
        for (uint256 i = 0; i < made.headers.length; ++i) {
            made.signatures[i] = signature(made.headers[i]);
        }
    }

    function signature(ReceiptHeader memory signed) internal view returns (bytes memory) {
        uint256 key = PAYER_KEY;
        while (vm.addr(key) != signed.payer) ++key;
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, attributions.digestOf(signed));
        return abi.encodePacked(r, s, v);
    }

    function post(Draft memory made) internal returns (uint256 batch) {
        bytes32 root = Trees.root(made.lines.leavesOf());
        vm.prank(POSTER);
        return attributions.post{value: BOND}(made.headers, made.signatures, root, uint32(made.lines.length), hex"00da");
    }

    function total(Draft memory made) internal pure returns (uint256 sum) {
        for (uint256 i = 0; i < made.headers.length; ++i) {
            sum += made.headers[i].fee;
        }
    }

    function pass(uint256 secondsPassed) internal {
        vm.warp(block.timestamp + secondsPassed);
        vm.roll(block.number + 1);
    }

    function status(uint256 batch) internal view returns (Batches.Status known) {
        (known,,,) = attributions.settlement(batch);
    }

    function depositOf(address account) internal view returns (uint256 balance) {
        (balance,) = attributions.deposits(account);
    }

    function one(LineAt memory a) internal pure returns (LineAt[] memory around) {
        around = new LineAt[](1);
        around[0] = a;
    }

    function two(LineAt memory a, LineAt memory b) internal pure returns (LineAt[] memory around) {
        around = new LineAt[](2);
        (around[0], around[1]) = (a, b);
    }

    function one(ShareAt memory a) internal pure returns (ShareAt[] memory around) {
        around = new ShareAt[](1);
        around[0] = a;
    }

    function two(ShareAt memory a, ShareAt memory b) internal pure returns (ShareAt[] memory around) {
        around = new ShareAt[](2);
        (around[0], around[1]) = (a, b);
    }
}
