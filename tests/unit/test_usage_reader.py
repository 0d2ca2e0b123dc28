"""GET /subscription and GET /openapi.json."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from functions.usage_reader.app import app, handler
from tests.ledger.memory import MemoryTable
from tests.unit.api_gateway import call
from tests.unit.examples import NOW, OFFER, RECORD, SUBSCRIPTION
from tests.unit.fakes import FixedClock
from tollkeeper import runtime
from tollkeeper.ledger.accounts import Accounts
from tollkeeper.ledger.counting import Counting
from tollkeeper.ledger.history import History
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.rules.accounts import periods_bound

METRICS = [
    "apiCalls",
    "aiQueries",
    "exports",
    "designsCreated",
    "mlPredictions",
    "roomsCreated",
    "fixturesAdded",
    "facilityDashboards",
]


@pytest.fixture
def table() -> MemoryTable:
    """A ledger in which Ada has subscribed and Bob has not."""
    table = MemoryTable()
    accounts = Accounts(table)
    account = accounts.read("ada", since=NOW)
    accounts.write_subscription(
        account, SUBSCRIPTION, periods_bound(account, SUBSCRIPTION, OFFER), audit=None
    )
    return table


@pytest.fixture(autouse=True)
def function(table: MemoryTable) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    app.dependency_overrides = {
        runtime.offer: lambda: OFFER,
        runtime.accounts: lambda: Accounts(table),
        runtime.history: lambda: History(table),
        runtime.clock: lambda: FixedClock(NOW),
    }
    yield
    app.dependency_overrides = {}


def use(table: MemoryTable, user_id: str, **used: int) -> None:
    """Count usage of a user."""
    records = [
        replace(RECORD, id=metric, user_id=user_id, metric=metric, quantity=quantity)
        for metric, quantity in used.items()
    ]
    counting = Counting(table, OFFER)
    [account] = counting.glance([user_id])
    counting.count(account, records, now=NOW, patience=for_seconds(1))


def test_a_busy_subscriber_sees_everything(table: MemoryTable) -> None:
    """Plan, status, usage and limits of all eight metrics, overage in units and cents, and the dates."""
    use(table, "ada", apiCalls=15_000, aiQueries=1_200, exports=600, roomsCreated=4)
    assert (
        200,
        {
            "plan": "professional",
            "status": "active",
            "usage": {
                **dict.fromkeys(METRICS, 0),
                "apiCalls": 15_000,
                "aiQueries": 1_200,
                "exports": 600,
                "roomsCreated": 4,
            },
            "limits": {
                **dict.fromkeys(METRICS, -1),
                "apiCalls": 10_000,
                "aiQueries": 1_000,
                "exports": 500,
                "mlPredictions": 1_000,
            },
            "overage": {
                "apiCalls": {"quantity": 5_000, "amount": 50_00},
                "aiQueries": {"quantity": 200, "amount": 20_00},
                "exports": {"quantity": 100, "amount": 50_00},
            },
            "projectedTotal": 219_00,
            "customerId": "cus_ada",
            "subscriptionId": "sub_ada",
            "currentPeriodStart": "2025-11-03T09:30:15Z",
            "currentPeriodEnd": "2025-12-03T09:30:15Z",
            "trial": {"active": False, "endsAt": None, "daysLeft": 0},
            "cancelAt": None,
        },
    ) == call(handler, "GET", "/subscription")[:2]


def test_a_user_without_a_subscription_sees_the_free_plan(table: MemoryTable) -> None:
    """Usage and limits of all eight metrics in the calendar month, and nothing to pay."""
    use(table, "bob", apiCalls=7)
    assert (
        200,
        {
            "plan": "free",
            "status": None,
            "usage": {**dict.fromkeys(METRICS, 0), "apiCalls": 7},
            "limits": {
                **dict.fromkeys(METRICS, -1),
                "apiCalls": 100,
                "aiQueries": 10,
                "exports": 5,
                "designsCreated": 3,
                "mlPredictions": 10,
            },
            "overage": {},
            "projectedTotal": 0,
            "customerId": None,
            "subscriptionId": None,
            "currentPeriodStart": "2025-11-01T00:00:00Z",
            "currentPeriodEnd": "2025-12-01T00:00:00Z",
            "trial": {"active": False, "endsAt": None, "daysLeft": 0},
            "cancelAt": None,
        },
    ) == call(handler, "GET", "/subscription", user="bob")[:2]


def test_a_user_sees_their_own_usage_only(table: MemoryTable) -> None:
    """What one did is not in the other's answer."""
    use(table, "bob", apiCalls=7)
    assert 0 == call(handler, "GET", "/subscription", user="ada").body["usage"]["apiCalls"]


def test_the_api_describes_itself_to_anyone() -> None:
    """The OpenAPI document is served without a token, and names what this function answers."""
    answer = call(handler, "GET", "/openapi.json", user=None)
    assert (200, "3.1.0", True) == (
        answer.status,
        answer.body["openapi"],
        "/subscription" in answer.body["paths"],
    )
