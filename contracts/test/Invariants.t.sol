// SPDX-License-Identifier: MIT
// Money and batches under anything people may do (House.sol), 64 runs of 64 steps. Nothing is created, lost or paid twice.
pragma solidity ^0.8.28;

import {House} from "./House.sol";
import {Test} from "./Vm.sol";

contract InvariantsTest is Test {
    House internal house;

    function setUp() public {
        house = new House();
    }

    /// forge drives these alone.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(house);
    }

    function invariant_nothing_is_created_lost_paid_twice_or_changed() public view {
        same("escrow: deposits, open batches, unrefunded fees, demands", house.escrow(), house.escrowExpected());
        same("payouts: what final batches still owe", house.payoutsHeld(), house.payoutsExpected());
        same("burnt: half of every lost bond", house.burnt(), house.burntExpected());
        (uint256 sum, uint256 told) = house.received();
        same("received: what was paid", sum, told);
        holds("an account was paid more than its lines", !house.overpaid());
        holds("a final batch changed", house.finalsUnchanged());
    }

    /// The steps do reach the ends: one way through them, told.
    function test_the_house_can_be_lived_in() public {
        for (uint256 i = 0; i < 6; ++i) {
            house.posts(i * 7, i % 2 == 0);
        }
        house.refutes(0);
        house.refunds_all(0);
        house.demands(1, 3);
        house.answers(1, 3);
        house.demands(3, 0);
        house.waits(99);
        house.waits(99);
        house.fells_or_reclaims(3, 0);
        for (uint256 i = 0; i < 6; ++i) {
            house.finalises(i);
        }
        for (uint256 i = 0; i < 64; ++i) {
            house.claims_line(i % 6, i / 6);
        }
        same("refunds", house.refunds(), 1);
        same("finals", house.finals(), 4);
        holds("claims", house.claims() > 10);
        same("open demands", house.openDemands(), 0);
        invariant_nothing_is_created_lost_paid_twice_or_changed();
    }
}
