"""The end of a paid month at the deployed stack: usage of its last second, a coupon, and taxes."""

import uuid
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.renewals import Renewal
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers, soon
from tests.e2e.operators import operate

PLAN, INCLUDED = 99_00, 10_000
SECOND = timedelta(seconds=1)
BEFORE, AFTER = 12_000, 4
"""Calls in the last second of the month, and in the first of the next."""


class Month:
    """A professional's first paid month, with a tenth off and a fifth of tax, until its invoice is final."""

    def __init__(self, home: Home, stack: Stack, callers: Callers) -> None:
        self.customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
        self.callers = callers
        self.stripe = stripe_client(stack.stripe)
        self.customer.buy("professional")
        trial = self.customer.once("trialing")
        self._give_coupon_and_tax(stack, str(trial["customerId"]))
        self.customer.move_clock(datetime.fromisoformat(trial["trial"]["endsAt"]) + timedelta(hours=2))
        shown = self.customer.once("active")
        self.end = datetime.fromisoformat(shown["currentPeriodEnd"])
        self.customer.move_clock(self.end - SECOND)
        self._use("last", BEFORE, self.end - SECOND)
        self.customer.move_clock(self.end)
        self.customer.once("active")
        self._use("first", AFTER, self.end)
        self.customer.move_clock(self.end + timedelta(hours=2))
        self.renewal = Renewal.of(self.stripe, str(trial["customerId"]))

    def _give_coupon_and_tax(self, stack: Stack, customer_id: str) -> None:
        coupon = self.stripe.v1.coupons.create({"percent_off": 10, "duration": "forever"})
        path = f"{stack.stripe}/_sandbox/customers/{customer_id}/discount"
        assert httpx.post(path, json={"coupon": coupon.id}, trust_env=False).is_success
        rate = self.stripe.v1.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
        (bought,) = self.stripe.v1.subscriptions.list({"customer": customer_id}).data
        self.stripe.v1.subscriptions.update(bought.id, {"default_tax_rates": [rate.id]})

    def _use(self, name: str, quantity: int, at: datetime) -> None:
        self.customer.report([UsageRecord(name, "apiCalls", at, quantity)])

    def used(self) -> int:
        """Return the calls of the period that is open now."""
        return self.callers.usage(self.customer.user_id)["apiCalls"]


@pytest.fixture(scope="module")
def month(home: Home, stack: Stack, callers: Callers) -> Month:
    """Lived once for all that is said of it."""
    return Month(home, stack, callers)


def test_the_customer_is_told_why(month: Month) -> None:
    """The line, how it came about, and the records behind it; the table has the same."""
    client = month.callers.user(month.customer.user_id)
    address = f"/invoices/{month.renewal.invoice.id}/explain"
    told = client.get(address).json()
    (charge,) = told["charges"]
    assert (BEFORE, INCLUDED, BEFORE - INCLUDED, {"quantity": 2_000, "amount": 2_000}) == (
        charge["used"],
        charge["included"],
        charge["amount"],
        charge["invoiced"],
    )
    assert BEFORE == sum(each["quantity"] for each in told["records"])
    table = client.get(address, params={"format": "csv"})
    assert (200, 1 + len(told["records"])) == (table.status_code, len(table.text.splitlines()))
    stranger = month.callers.user("somebody-else").get(address)
    assert (404, "unknown_invoice") == (stranger.status_code, stranger.json()["error"])


def test_what_was_billed_is_proved_by_the_operator(month: Month, home: Home) -> None:
    """The period anew from its records, and all that closed compared with what was billed."""
    start = month.renewal.invoice.period_start
    at = datetime.fromtimestamp(start, UTC).isoformat().replace("+00:00", "Z")
    proved = operate(home, "prove", month.customer.user_id, at)
    assert "Records, row, charges and lines are one number." in proved
    assert "2000 × $0.01 = $20.00" in proved


def test_usage_of_the_closing_second_is_billed_once(month: Month) -> None:
    """The last second is on this invoice, and that of the end in the next period, each once."""
    overage = [line for line in month.renewal.lines if line.product == "API calls over the limit"]
    assert [(BEFORE - INCLUDED, BEFORE - INCLUDED)] == [(line.quantity, line.amount) for line in overage]
    assert AFTER == soon(month.used, lambda used: used == AFTER)


def test_a_coupon_spares_the_plan_and_never_the_overage(month: Month) -> None:
    """A tenth of $99, and nothing of the $20."""
    cut = {
        line.amount: sum(each.amount for each in line.discount_amounts or [])
        for line in month.renewal.invoice.lines.data
    }
    assert {PLAN: PLAN // 10, BEFORE - INCLUDED: 0} == cut


def test_tax_applies_to_plan_and_overage(month: Month) -> None:
    """A fifth of what is left of both, and all of it is paid."""
    due = (PLAN * 9 // 10 + BEFORE - INCLUDED) * 12 // 10
    invoice = month.renewal.invoice
    assert ("paid", due, due) == (invoice.status, invoice.total, invoice.amount_paid)
