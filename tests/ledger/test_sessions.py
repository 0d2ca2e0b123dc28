"""Links to the usage page, and the sessions that they are exchanged for: once, whoever races or dies."""

from contextlib import suppress
from datetime import timedelta
from itertools import product

import pytest

from tests.examples import NOW
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Crash, CrashingTable, Moment, Outside
from tests.ledger.turns import Turns
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.sessions import (
    LINK_LIFETIME,
    SESSION_LIFETIME,
    Session,
    Sessions,
    Ticket,
    UnknownLinkError,
    UnknownSessionError,
)
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.ledger.table import Table
from tollkeeper.ledger.users import Users

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize("may_buy", [True, False])
def test_a_link_begins_one_session_of_its_user_and_right(table: Table, may_buy: bool) -> None:  # noqa: FBT001 - a parameter of the table
    """A second attempt begins none."""
    sessions = Sessions(table)
    link = sessions.link("ada", NOW, may_buy=may_buy)
    later = NOW + LINK_LIFETIME - SECOND
    ticket = sessions.begin(link, later)
    assert Session("ada", may_buy, later + SESSION_LIFETIME) == sessions.open(ticket, later).session
    with pytest.raises(UnknownLinkError):
        sessions.begin(link, later)


def test_what_is_over_lets_nobody_in(table: Table) -> None:
    """Before its row is gone, too."""
    sessions = Sessions(table)
    old, ticket = sessions.link("ada", NOW, may_buy=True), sessions.begin(_link(sessions), NOW)
    with pytest.raises(UnknownLinkError):
        sessions.begin(old, NOW + LINK_LIFETIME)
    with pytest.raises(UnknownSessionError):
        sessions.open(ticket, NOW + SESSION_LIFETIME)
    assert sessions.open(ticket, NOW + SESSION_LIFETIME - SECOND)


def test_a_session_that_was_ended_stays_ended(table: Table) -> None:
    """Another of the same user goes on; ending what never began does nothing."""
    sessions = Sessions(table)
    one, other = (sessions.begin(_link(sessions), NOW) for _ in range(2))
    sessions.end(one.secret, NOW)
    sessions.end("never", NOW)
    with pytest.raises(UnknownSessionError):
        sessions.open(one, NOW)
    assert "ada" == sessions.open(other, NOW).session.user_id
    with pytest.raises(UnknownSessionError):
        sessions.open(Ticket("ada", "never"), NOW)


@pytest.mark.parametrize("named", ["bob", "", "ADA", "ada#", "ada" * 1_000, "ada\x00", "\ud800"])
def test_a_ticket_with_another_name_lets_nobody_in(table: Table, named: str) -> None:
    """The session's row says whose page it is: neither theirs nor one's own is opened, as by any made up."""
    sessions = Sessions(table)
    Users(table).bind_customer("bob", "cus_bob")
    secret = sessions.begin(_link(sessions), NOW).secret
    with pytest.raises(UnknownSessionError):
        sessions.open(Ticket(named, secret), NOW)


def test_the_page_of_a_user_comes_with_their_session(table: Table) -> None:
    """Their row, as it was written last, and what Stripe answered: all by one request."""
    sessions, outside = Sessions(table), Outside()
    ticket = sessions.begin(_link(sessions), NOW)
    Users(table).bind_customer("ada", "cus_ada")
    answers = StripeAnswers(table)
    claimed = answers.claim("ada", Answer(), NOW)
    assert claimed
    answers.keep("ada", claimed, "what it said")
    opened = Sessions(CrashingTable(table, outside)).open(ticket, NOW)
    assert ("cus_ada", "what it said") == (opened.user.customer_id, opened.answer.believed(NOW))
    assert ["get_all"] == outside.calls


@pytest.mark.parametrize("schedule", list(product(range(3), repeat=6)))
def test_of_three_browsers_with_one_link_one_comes_in(schedule: tuple[int, ...]) -> None:
    """In every order of their steps."""
    table = MemoryTable()
    link = _link(Sessions(table))
    began: list[Ticket] = []

    def browser(mine: Table) -> None:
        with suppress(UnknownLinkError):
            began.append(Sessions(mine).begin(link, NOW))

    Turns(table, [browser] * 3).take(schedule)
    assert ["ada"] == [Sessions(table).open(each, NOW).session.user_id for each in began]


@pytest.mark.parametrize("moment", Moment)
@pytest.mark.parametrize("call", [0, 1])
def test_who_dies_on_the_way_in_leaves_at_most_a_spent_link(moment: Moment, call: int) -> None:
    """Never a link that lets two in: it is used up if and only if a session began."""
    table = MemoryTable()
    link = _link(Sessions(table))
    with pytest.raises(Crash):
        Sessions(CrashingTable(table, Outside(call, moment))).begin(link, NOW)
    began = [key for key in table.rows if key.pk.startswith("SESSION")]
    if began:
        with pytest.raises(UnknownLinkError):
            Sessions(table).begin(link, NOW)
    else:
        assert Sessions(table).begin(link, NOW)


def _link(sessions: Sessions) -> str:
    return sessions.link("ada", NOW, may_buy=True)
