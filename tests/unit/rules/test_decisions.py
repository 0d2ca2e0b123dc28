"""What a user decides is one decision, however often it is asked for."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.examples import NOW
from tollkeeper.rules.decisions import UNDER_WAY, Choice, Decision, Obstruction, Wish, decided

UP, DOWN = (Wish(Choice.CHANGE_PLAN, plan) for plan in ("professional", "starter"))
LATER = NOW + UNDER_WAY
TAKEN = Decision(3, UP, NOW)
DONE = replace(TAKEN, done=True)

wishes = st.builds(
    Wish,
    st.sampled_from(Choice),
    st.sampled_from(["", "starter", "professional"]),
    st.none() | st.sampled_from(["key-1", "key-2"]),
)
decisions = st.builds(
    Decision,
    st.integers(1, 5),
    wishes,
    st.timedeltas(timedelta(), 3 * UNDER_WAY).map(lambda ago: NOW - ago),
    st.booleans(),
    st.integers(0, 2),
)


def test_the_first_decision_is_the_first() -> None:
    """A user who never decided anything."""
    assert Decision(1, UP, NOW) == decided(None, None, UP, NOW)


def test_what_is_under_way_is_joined() -> None:
    """Whoever read the user before it was taken, or after: two clicks are one decision."""
    assert [TAKEN] * 2 == [decided(TAKEN, seen, UP, NOW) for seen in (TAKEN, None)]


def test_what_was_done_at_the_same_instant_is_joined() -> None:
    """Whoever read the user before somebody decided the same has wished it at that instant."""
    before = Decision(2, DOWN, NOW, done=True)
    assert DONE == decided(DONE, before, UP, NOW)


def test_what_was_done_before_is_decided_anew() -> None:
    """Up, down and up again, or another try with a new card."""
    assert Decision(4, UP, NOW) == decided(DONE, DONE, UP, NOW)


def test_the_callers_key_makes_it_the_same() -> None:
    """Also when it is done; for another plan, or under another key, it is another."""
    done = replace(DONE, wish=replace(UP, key="key-1"))
    again, other, down = replace(UP, key="key-1"), replace(UP, key="key-2"), replace(DOWN, key="key-1")
    assert [done, Decision(4, other, NOW), Decision(4, down, NOW)] == [
        decided(done, done, each, NOW) for each in (again, other, down)
    ]


def test_something_else_waits() -> None:
    """While a decision may be under way."""
    assert [Obstruction.UNDER_WAY, Decision(4, DOWN, LATER)] == [
        decided(TAKEN, TAKEN, DOWN, now) for now in (LATER - timedelta(microseconds=1), LATER)
    ]


def test_what_was_decided_in_between_makes_one_look_again() -> None:
    """What Stripe said by then may be true no more."""
    assert Obstruction.MOVED is decided(DONE, None, DOWN, NOW)


def test_a_lapsed_decision_is_taken_anew() -> None:
    """Nobody can be carrying it out; its effect, if it had one, has been read."""
    assert Decision(4, UP, LATER) == decided(TAKEN, TAKEN, UP, LATER)


@given(st.none() | decisions, st.none() | decisions, wishes)
def test_a_number_is_never_used_for_two_wishes(
    last: Decision | None, seen: Decision | None, wish: Wish
) -> None:
    """What is joined is of the same choice and target; what is new has the next number."""
    assume(last or not seen)  # what was decided is never forgotten
    found = decided(last, seen, wish, NOW)
    if isinstance(found, Decision):
        if found == last:
            assert (wish.choice, wish.target) == (last.wish.choice, last.wish.target)
        else:
            assert (found.number, found.wish) == ((last.number if last else 0) + 1, wish)
    else:
        assert last


@given(decisions, decisions)
def test_keys_tell_decisions_apart(one: Decision, other: Decision) -> None:
    """By user, choice, target, attempt, and the caller's key or else the number; the time does not matter."""

    def facts(of: Decision) -> tuple[object, ...]:
        return of.wish.choice, of.wish.target, of.attempt, of.wish.key or of.number

    keys = one.key("live", "ada"), other.key("live", "ada")
    assert (facts(one) == facts(other)) == (keys[0] == keys[1])
    assert len({one.key("live", "ada"), one.key("live", "bob"), one.key("test", "ada")}) == 3
    assert len(f"{keys[0]}-release") <= 255


@pytest.mark.parametrize(
    ("decision", "wish", "expected"),
    [(TAKEN, UP, True), (TAKEN, DOWN, False), (DONE, UP, False), (DONE, replace(UP, key="key"), False)],
)
def test_an_effect_that_is_there_is_whose(decision: Decision, wish: Wish, *, expected: bool) -> None:
    """Of a decision that was not said to be done, or of one that bears the caller's key."""
    assert expected == decision.answers(wish)
