"""The way out of a surprise, on one stack that is deployed again: observe, look, warn, bill from a date.

Each month an organisation uses the same, which is more than its plan includes.
"""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from infra.local.customer import UsageRecord
from infra.local.stack import stripe_client
from tests.e2e.callers import soon
from tests.e2e.listening import Listener
from tests.e2e.stacks import NO_TRIAL, OBSERVED, Business, Selling

LIMITED = {**NO_TRIAL, "designsCreated = 3,": "designsCreated = 3, roomsCreated = 2, fixturesAdded = 1,"}
"""What is enforced in the end: besides what ships, the free plan has limits on rooms and fixtures."""

CALLS, INCLUDED, PLAN = 1_500, 1_000, 29_00
COLLECTED = timedelta(hours=3)


class Month:
    """A month of an organisation's, as it and its SaaS see it."""

    def __init__(self, business: Business, name: str) -> None:
        self.business = business
        self.name = name
        self.customer = business.organisation(name)
        self.api = business.member(name, "ada")
        self.stripe = stripe_client(business.stack.stripe).v1

    def shown(self) -> dict[str, Any]:
        """What `GET /subscription` shows."""
        found: dict[str, Any] = self.api.get("/subscription").json()
        return found

    def end(self) -> datetime:
        """When the present period ends."""
        return datetime.fromisoformat(self.shown()["currentPeriodEnd"])

    def use(self) -> list[int]:
        """Use as much as ever, the last of it by asking; return the thresholds that are announced."""
        with Listener(self.business.stack, userId=self.name) as listener:
            now = self.business.callers.now()
            self.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", now, CALLS - 1)])
            assert CALLS - 1 == soon(self.calls, lambda calls: calls == CALLS - 1)
            asked = self.business.callers.consume(self.name, "apiCalls", uuid.uuid4().hex)
            assert 200 == asked.status_code, asked.text
            return sorted(each["threshold"] for each in listener.hears("usage.threshold_reached", 3))

    def calls(self) -> int:
        """How many calls are shown."""
        used: int = self.shown()["usage"]["apiCalls"]
        return used

    def bill_to_come(self) -> tuple[int, int]:
        """What is shown of calls: how many too many, and what the whole bill will be."""
        shown = self.shown()
        over = shown["overage"].get("apiCalls", {"quantity": 0})
        return over["quantity"], shown["projectedTotal"]

    def passes(self) -> list[int]:
        """Let the month end; return the amounts on its invoice, the plan's first."""
        end = self.end()
        self.customer.move_clock(end + COLLECTED)
        renewed = soon(self.end, lambda found: found > end)
        assert renewed > end
        invoice = self.stripe.invoices.list({"customer": self.shown()["customerId"]}).data[0]
        assert ("paid", "subscription_cycle") == (invoice.status, invoice.billing_reason)
        return [line.amount for line in invoice.lines.data]


@pytest.fixture
def month(business: Business, user: str) -> Month:
    """The first month of an organisation that subscribes to starter while all is only observed."""
    business.deploy(OBSERVED)
    month = Month(business, user)
    month.customer.buy("starter")
    assert "active" == soon(month.shown, lambda shown: shown["status"] == "active")["status"]
    return month


def test_observe_look_warn_and_bill_from_a_date(business: Business, month: Month) -> None:
    """Nothing is asked for what was observed or announced; for each call in a period from the date on."""
    # Observed: it is counted, told and shown, and nothing is refused.
    assert [50, 80, 100] == month.use()
    assert (0, PLAN) == month.bill_to_come()

    # Enforced, and billed from a later day: the running month stays observed, and what it counted is there.
    day = month.end() + timedelta(days=20)
    business.deploy(Selling(LIMITED, {"BillOverageFrom": f"{day:%Y-%m-%d}"}))
    assert (CALLS, (0, PLAN)) == (month.calls(), month.bill_to_come())
    assert 200 == business.callers.consume(month.name, "apiCalls", "after-the-deploy").status_code
    assert [PLAN] == month.passes()

    # Whoever begins under it is held to its limits, those that it adds among them.
    newcomer, consume = f"{month.name}-new", business.callers.consume
    rooms = [consume(newcomer, "roomsCreated", uuid.uuid4().hex).status_code for _ in range(3)]
    fixtures = [consume(newcomer, "fixturesAdded", uuid.uuid4().hex).status_code for _ in range(2)]
    assert ([200, 200, 402], [200, 402]) == (rooms, fixtures)

    # Announced: how much is too much is shown, at nothing.
    assert [50, 80, 100] == month.use()
    assert (CALLS - INCLUDED, PLAN) == month.bill_to_come()
    assert [PLAN] == month.passes()

    # Billed.
    assert [50, 80, 100] == month.use()
    overage = CALLS - INCLUDED
    assert (overage, PLAN + overage) == month.bill_to_come()
    assert [PLAN, overage] == month.passes()
