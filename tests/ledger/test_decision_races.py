"""Two members of an organisation decide at one instant, in every order of their steps.

A step is a call to the table or to Stripe. Whoever wants the same does it together with the other, once;
of those who want something else, one is told to wait, or both are done one after the other.
"""

import threading
from collections.abc import Callable, Sequence
from itertools import product
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fakes.deciding import Ask, Desk, Household
from tests.ledger.turns import Turns
from tollkeeper.ledger.decisions import UnderWayError
from tollkeeper.ledger.table import Table
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.subscriptions.errors import (
    ChangeRefusedError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)

ANSWERS = (
    UnderWayError,
    ChangeRefusedError,
    PaymentFailedError,
    SamePlanError,
    SubscriptionEndedError,
    SubscriptionEndingError,
)
FIRST_STEPS = 8


class InTurn:
    """Stripe, each call to which waits for its worker's turn."""

    def __init__(self, inner: object, turn: Callable[[], None]) -> None:
        self._inner = inner
        self._turn = turn

    def __getattr__(self, name: str) -> Callable[..., object]:
        method = cast("Callable[..., object]", getattr(self._inner, name))

        def call(*args: object, **more: object) -> object:
            self._turn()
            return method(*args, **more)

        return call


def race(home: Household, asks: Sequence[Ask], schedule: Sequence[int]) -> list[str]:
    """Let each ask at once, by a schedule of their steps; return how each was answered."""
    answers = [""] * len(asks)
    ready = threading.Event()
    turns: list[Turns] = []

    def work(number: int, ask: Ask) -> Callable[[Table], None]:
        def run(table: Table) -> None:
            def wait() -> None:
                ready.wait()
                turns[0].wait(number)

            desk: Desk = home.desk(table, InTurn(home.stripe, wait))
            try:
                ask(desk)
                answers[number] = "done"
            except ANSWERS as error:
                answers[number] = type(error).__name__

        return run

    turns.append(Turns(home.table, [work(number, ask) for number, ask in enumerate(asks)]))
    ready.set()
    turns[0].take(schedule)
    return answers


SCHEDULES = [*product((0, 1), repeat=FIRST_STEPS)]
WHOLE = st.lists(st.integers(0, 1), min_size=20, max_size=26)


def up(desk: Desk) -> object:
    """Upgrade."""
    return desk.change("enterprise")


def down(desk: Desk) -> object:
    """Downgrade."""
    return desk.change("starter")


def cancel(desk: Desk) -> object:
    """Cancel with the period."""
    return desk.cancel()


def cancel_now(desk: Desk) -> object:
    """Cancel now."""
    return desk.cancel(CancelAt.NOW)


def is_consistent(home: Household) -> bool:
    """Whether the ledger says what Stripe has, and nobody is still deciding."""
    return home.user.subscription == home.stripe.held[0] and home.decision.done


@pytest.mark.parametrize("ask", [up, down, cancel, cancel_now])
def test_two_who_want_the_same_do_it_once(ask: Ask) -> None:
    """In every order of the first steps: one effect at Stripe, and none fails."""
    alone = Household()
    ask(alone.desk())
    for schedule in SCHEDULES:
        home = Household()
        answers = race(home, [ask, ask], schedule)
        assert alone.stripe.decided == home.stripe.decided, schedule
        assert {*answers} <= {"done", "SamePlanError", "SubscriptionEndedError"}, schedule
        assert "done" in answers
        assert is_consistent(home)


def test_a_double_click_with_a_declining_card_charges_it_once() -> None:
    """Whoever began before the first was answered gets the same answer, and the card is not tried again."""
    for schedule in SCHEDULES:
        home = Household()
        home.stripe.wallet.declines = True
        answers = race(home, [up, up], schedule)
        assert ["PaymentFailedError"] * 2 == answers, schedule
        assert home.decision.number == len(home.stripe.wallet.attempts), schedule
        if 0 < sum(schedule[:4]) < len(schedule[:4]):
            assert ["enterprise"] == home.stripe.wallet.attempts, schedule


@settings(max_examples=150, deadline=None)
@given(WHOLE)
def test_a_double_click_is_once_in_any_order_of_all_steps(schedule: list[int]) -> None:
    """As drawn: two upgrades are one proration."""
    home = Household()
    answers = race(home, [up, up], schedule)
    assert (["enterprise"], True) == (home.stripe.wallet.attempts, "done" in answers)
    assert is_consistent(home)


@pytest.mark.parametrize("other", [down, cancel, cancel_now])
def test_of_two_who_want_different_things_one_waits_or_comes_after(other: Ask) -> None:
    """What was answered as done was done, and ledger and Stripe agree."""
    for schedule in SCHEDULES:
        home = Household()
        answers = race(home, [up, other], schedule)
        assert "done" in answers, schedule
        held = home.stripe.held[0]
        if answers[0] == "done":
            assert "enterprise" == held.plan, schedule
        if answers[1] == "done" and other is not down:
            assert not held.renews, schedule
        if answers[1] == "done" and other is down:
            assert "starter" == held.pending_plan or answers[0] == "done", schedule
        assert is_consistent(home), schedule


@settings(max_examples=150, deadline=None)
@given(WHOLE, st.sampled_from([down, cancel, cancel_now]))
def test_so_it_is_in_any_order_of_all_steps(schedule: list[int], other: Ask) -> None:
    """As drawn."""
    home = Household()
    answers = race(home, [up, other], schedule)
    assert "done" in answers
    assert is_consistent(home)
