"""PUT /subscription/spending-cap: the most overage that a user accepts in a period."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

import functions.reader.app as reader
import functions.subscriptions.app as settings
from functions.subscriptions.app import handler
from tests.examples import NOW, OFFER
from tests.fakes.api_gateway import Answer, Handler, call
from tests.fakes.runtime import FakeContext, FixedClock
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.spending_caps import SpendingCaps
from tollkeeper.ledger.table import TransactionCancelledError, UnavailableError, Write
from tollkeeper.ledger.users import Users
from tollkeeper.runtime import subscriptions, views
from tollkeeper.views.reader import Reader


class Ledger(MemoryTable):
    """A table that may be in trouble: what it raises instead of writing."""

    trouble: Exception | None = None

    def transact(self, writes: Sequence[Write]) -> None:
        """Make all writes, unless there is trouble."""
        if self.trouble:
            raise self.trouble
        super().transact(writes)


@pytest.fixture
def table() -> Ledger:
    """A ledger that knows nobody."""
    return Ledger()


@pytest.fixture(autouse=True)
def functions(table: Ledger) -> Iterator[None]:
    """The function that sets and the one that shows, with the same ledger handed in."""
    handed_in: dict[Callable[..., Any], Callable[..., Any]] = {
        runtime.users: lambda: Users(table),
        subscriptions.spending_caps: lambda: SpendingCaps(table, OFFER),
        runtime.patience: lambda: for_seconds(0),
        runtime.clock: lambda: FixedClock(NOW),
        views.reader: lambda: Reader(Users(table), History(table), OFFER, FixedClock(NOW)),
    }
    settings.app.dependency_overrides = reader.app.dependency_overrides = handed_in
    yield
    settings.app.dependency_overrides = reader.app.dependency_overrides = {}


def put(body: object, user: str | None = "ada") -> Answer:
    """Set the cap with a user's token."""
    return call(handler, "PUT", "/subscription/spending-cap", body, user=user)


def shown(user: str = "ada") -> int | None:
    """Return the cap as GET /subscription shows it."""
    cap: int | None = call(reader.handler, "GET", "/subscription", user=user).body["spendingCap"]
    return cap


def trail(user: str = "ada") -> list[dict[str, Any]]:
    """Return what support reads of a user's changes, the newest first."""
    entries: list[dict[str, Any]] = call(reader.handler, "GET", f"/users/{user}/audit").body["entries"]
    return entries


@pytest.mark.parametrize("amount", [0, 1, 100_00, 1_000_000_000])
def test_a_cap_is_set_and_shown(amount: int) -> None:
    """200 repeats it, and GET /subscription shows it from then on; nothing is a cap too."""
    assert (200, {"amount": amount}) == put({"amount": amount})[:2]
    assert amount == shown()


def test_a_cap_is_taken_away() -> None:
    """Null is no cap, as it was before there was one."""
    put({"amount": 100_00})
    assert (200, {"amount": None}) == put({"amount": None})[:2]
    assert shown() is None


def test_without_a_cap_there_is_none_to_take_away(table: Ledger) -> None:
    """Saying so again is no change, and writes nothing."""
    assert 200 == put({"amount": None}).status
    assert {} == table.rows


@pytest.mark.parametrize(
    "body",
    [
        {"amount": -1},
        {"amount": 1_000_000_001},
        {"amount": 1.0},
        {"amount": 0.5},
        {"amount": True},
        {"amount": "100"},
        {"amount": [100]},
        {"amount": {}},
        {},
        {"Amount": 100},
        {"amount": 100, "userId": "bob"},
        '{"amount": NaN}',
        '{"amount": 1e999}',
        f'{{"amount": {"9" * 5_000}}}',
        '{"amount": 100',
        "100",
        "[]",
        "",
        None,
    ],
)
def test_what_is_no_number_of_cents_is_refused(table: Ledger, body: object) -> None:
    """422 with the field at fault, and nothing is written."""
    answer = put(body)
    assert (422, "validation_failed", True) == (
        answer.status,
        answer.body["error"],
        bool(answer.body["fields"]),
    )
    assert {} == table.rows


def test_the_field_at_fault_is_named() -> None:
    """By its name in JSON, with what it should be."""
    message = "Input should be greater than or equal to 0"
    assert [{"path": "amount", "message": message}] == put({"amount": -1}).body["fields"]


def test_every_change_is_in_the_audit_trail() -> None:
    """Who changed it, when, from what, to what."""
    put({"amount": 100_00})
    put({"amount": None})
    shared = {
        "at": "2025-11-15T12:00:00Z",
        "actor": "ada",
        "action": "SPENDING_CAP_CHANGED",
        "entityType": "user",
        "entityId": "ada",
        "eventId": None,
    }
    entries = trail()
    changes = [each.pop("details") for each in entries]
    assert [shared, shared] == entries
    assert {(None, "10000"), ("10000", None)} == {
        (each["before"]["spendingCap"], each["after"]["spendingCap"]) for each in changes
    }


def test_the_same_cap_again_is_no_change() -> None:
    """It stands in the audit trail once."""
    put({"amount": 100_00})
    put({"amount": 100_00})
    assert 1 == len(trail())


def test_a_cap_is_its_users_alone() -> None:
    """Nobody else's row or trail is touched."""
    put({"amount": 100_00}, user="ada")
    put({"amount": 5_00}, user="bob")
    assert ([100_00, 5_00], [1, 1]) == (
        [shown("ada"), shown("bob")],
        [len(trail("ada")), len(trail("bob"))],
    )


def test_without_a_token_nothing_is_set(table: Ledger) -> None:
    """401, and nothing is written."""
    assert (401, {}) == (put({"amount": 100_00}, user=None).status, table.rows)


@pytest.mark.parametrize("trouble", [TransactionCancelledError([]), UnavailableError()])
def test_what_passes_is_to_be_tried_again(table: Ledger, trouble: Exception) -> None:
    """503 says when to come again: somebody set it at the same time, or DynamoDB gave no answer."""
    table.trouble = trouble
    answer = put({"amount": 100_00})
    assert (503, "unavailable", True) == (
        answer.status,
        answer.body["error"],
        "Retry-After" in answer.headers,
    )


@pytest.mark.parametrize(
    "called",
    [
        "text/plain",
        "APPLICATION/JSON",
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "",
        None,
    ],
)
def test_a_body_is_json_whatever_it_is_called(called: str | None) -> None:
    """What its sender says of it is not asked."""
    assert 200 == call(calling_it(called), "PUT", "/subscription/spending-cap", {"amount": 7}).status
    assert 422 == call(calling_it(called), "PUT", "/subscription/spending-cap", "amount=7").status
    assert 7 == shown()


def calling_it(content_type: str | None) -> Handler:
    """Return the function behind a client that says what kind of body it sends, or does not."""

    def sent(event: dict[str, Any], context: FakeContext) -> dict[str, Any]:
        event["headers"] = {} if content_type is None else {"content-type": content_type}
        return handler(event, context)

    return sent
