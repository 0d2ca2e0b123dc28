"""Announcements stand in the ledger with what they tell of, and each only once."""

from dataclasses import replace

import pytest

from tests.examples import END, NOW, SUBSCRIPTION, USER, bound
from tollkeeper.ledger import entry_rows, keys
from tollkeeper.ledger.table import Row, Table
from tollkeeper.ledger.users import StaleRevisionError, Users
from tollkeeper.rules.announcements import Announcement, Kind
from tollkeeper.rules.users import User

FAILED = Announcement.of(
    Kind.PAYMENT_FAILED, "ada", ["in_1", "1"], at=NOW, detail={"amount": 9900, "on": None}
)
ACTIVATED = Announcement.of(Kind.SUBSCRIPTION_ACTIVATED, "ada", ["sub_ada", "0"], at=NOW, detail={})
NOBODY_YET = User("ada")


def announcements(table: Table) -> list[Row]:
    """The rows of Ada's announcements."""
    return table.query(keys.user("ada"), "ANNOUNCEMENT#", "ANNOUNCEMENT$")


def test_an_announcement_is_read_as_it_was_written(table: Table) -> None:
    """Its row holds all of it, and thirty days later it is gone."""
    Users(table).announce([FAILED])
    (row,) = announcements(table)
    assert (FAILED, 1_765_800_000) == (entry_rows.read_announcement(row), row["expiresAt"])


def test_an_announcement_made_again_stays_as_it_was(table: Table) -> None:
    """Stripe's event may come twice; the second finds it announced, which is success."""
    users = Users(table)
    users.announce([FAILED])
    users.announce([replace(FAILED, at=END, detail={}), ACTIVATED])
    assert {FAILED.id: FAILED, ACTIVATED.id: ACTIVATED} == {
        str(row["id"]): entry_rows.read_announcement(row) for row in announcements(table)
    }


def test_nothing_to_announce_is_nothing_to_write(table: Table) -> None:
    """DynamoDB takes no empty transaction."""
    Users(table).announce([])
    assert [] == announcements(table)


def test_a_change_and_its_announcement_are_one_write(table: Table) -> None:
    """What was announced before, with or without it, holds nothing up."""
    users = Users(table)
    users.announce([FAILED])
    users.write_subscription(
        NOBODY_YET, SUBSCRIPTION, bound(NOBODY_YET, SUBSCRIPTION), (), [FAILED, ACTIVATED]
    )
    assert SUBSCRIPTION == users.read("ada", NOW).subscription
    assert {FAILED.id, ACTIVATED.id} == {row["id"] for row in announcements(table)}


def test_a_change_that_is_not_made_is_not_announced(table: Table) -> None:
    """A writer who was overtaken announces nothing."""
    with pytest.raises(StaleRevisionError):
        Users(table).write_subscription(USER, SUBSCRIPTION, bound(USER, SUBSCRIPTION), (), [ACTIVATED])
    assert [] == announcements(table)
