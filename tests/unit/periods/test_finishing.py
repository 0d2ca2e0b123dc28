"""A held draft is taken to its end before its subscription is cancelled; what must be left is returned."""

import pytest

from tests.examples import CATALOGUE, SUBSCRIPTION
from tests.fakes.cancelling import CANCELED, POLICY, Patient, World
from tollkeeper.ledger.bills import Bills
from tollkeeper.periods.charging import Charging
from tollkeeper.periods.finishing import Finishing
from tollkeeper.rules.bills import State


def left(world: World, subscription_id: str = SUBSCRIPTION.id) -> list[State]:
    """Finish, and return the states of the bills that must be left."""
    bills = Bills(world.table)
    finishing = Finishing(bills, Charging(bills, world.stripe, CATALOGUE, POLICY, "live"), world.stripe)
    return [each.state for each in finishing.finish("ada", subscription_id, CANCELED, Patient())]


@pytest.mark.parametrize("state", [State.BOUND, State.HELD, State.RELEASED])
def test_what_could_be_finished_is_not_left(state: State) -> None:
    """Its lines are on a final invoice, once."""
    world = World()
    world.hold(state)
    assert [] == left(world)
    assert [100] == [quantity for _, quantity, _ in world.charged]


def test_what_has_not_settled_is_left() -> None:
    """Usage of its period may still come."""
    world = World()
    world.hold(State.BOUND, settled=False)
    (state,) = left(world)
    assert state in {State.BOUND, State.HELD}


def test_another_subscriptions_draft_is_left_alone() -> None:
    """Neither finished nor returned."""
    world = World()
    world.hold(State.BOUND)
    assert ([], []) == (left(world, "sub_other"), world.charged)
