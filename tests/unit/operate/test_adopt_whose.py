"""Whose customers are, by what people noted."""

from pathlib import Path

import pytest

from infra.operate.adopt.customers import Customer, LiveSubscription
from infra.operate.adopt.whose import UnreadableError, by_file, by_metadata
from tests.examples import NOW
from tollkeeper.rules.subscriptions import Status, Subscription

SAID = Subscription("sub_1", "cus_1", "starter", Status.ACTIVE, NOW, NOW, NOW)


def customer(noted: str | None, *of_subscriptions: str) -> Customer:
    """A customer on whom, and on whose subscriptions, a user is noted."""
    subscriptions = (LiveSubscription(SAID, "usd", {"user": each}, "month", ()) for each in of_subscriptions)
    return Customer("cus_1", None, {"user": noted} if noted is not None else {}, tuple(subscriptions))


@pytest.mark.parametrize(
    ("noted", "users"),
    [
        (customer(" ada "), {"ada"}),
        (customer("ada", "bob"), {"ada"}),
        (customer(None, "bob"), {"bob"}),
        (customer("", "ada", "bob"), {"ada", "bob"}),
        (customer(" ", ""), set()),
    ],
)
def test_a_customers_metadata_go_before_their_subscriptions(noted: Customer, users: set[str]) -> None:
    """Blanks name nobody, and two who are named are both told."""
    assert {"cus_1": users} == by_metadata("user")([noted])


def test_a_file_names_users_by_their_customers(tmp_path: Path) -> None:
    """In any order of columns, beside others, as a spreadsheet writes it."""
    file = tmp_path / "users.csv"
    file.write_text("userId,name,customer\r\nada,A,cus_1\r\nbob,B,cus_2\r\neve,E,cus_2\r\n", "utf-8-sig")
    assert {"cus_1": {"ada"}, "cus_2": {"bob", "eve"}} == by_file(file)([])


@pytest.mark.parametrize(
    "text", ["", "customer,user\ncus_1,ada\n", "customer,userId\ncus_1\n", "customer,userId\n,ada\n"]
)
def test_a_file_that_lacks_something_is_refused(tmp_path: Path, text: str) -> None:
    """Before anything is planned: a user who is missed in silence would pay twice."""
    file = tmp_path / "users.csv"
    file.write_text(text)
    with pytest.raises(UnreadableError, match=r"users\.csv"):
        by_file(file)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    """By its name."""
    with pytest.raises(UnreadableError, match=r"users\.csv cannot be read"):
        by_file(tmp_path / "users.csv")
