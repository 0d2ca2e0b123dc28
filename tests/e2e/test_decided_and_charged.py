"""The checklist for decisions in a month in which overage is owed: down to the lines of Stripe's invoices."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from stripe import Invoice

from infra.local.customer import Customer, UsageRecord
from infra.local.places import Home, Stack
from infra.local.stack import stripe_client
from tests.e2e.callers import Callers, soon
from tests.e2e.queues import Queues
from tollkeeper.catalogue import load

GOOD = "4242424242424242"
PRICE = {"starter": 29_00, "professional": 99_00, "enterprise": 299_00}


class Subscriber:
    """Somebody whose paid month has just begun."""

    def __init__(self, home: Home, stack: Stack, callers: Callers, plan: str) -> None:
        self.customer = Customer(home, stack, user_id=f"user-{uuid.uuid4().hex[:8]}")
        self.api = callers.user(self.customer.user_id)
        self.stripe = stripe_client(stack.stripe).v1
        self.customer.buy(plan, GOOD)
        trial = soon(self.shown, lambda found: found["status"] == "trialing")
        self.customer_id = str(trial["customerId"])
        self.move(datetime.fromisoformat(trial["trial"]["endsAt"]) + timedelta(hours=2))
        shown = soon(self.shown, lambda found: found["status"] == "active")
        self.start, self.end = (
            datetime.fromisoformat(shown[each]) for each in ("currentPeriodStart", "currentPeriodEnd")
        )

    def shown(self) -> dict[str, Any]:
        """What `GET /subscription` shows."""
        found: dict[str, Any] = self.api.get("/subscription").json()
        return found

    def move(self, to: datetime) -> None:
        """Let it be later, for the whole stack."""
        self.customer.move_clock(to)

    def use(self, calls: int, at: datetime) -> None:
        """Use calls, and see them counted."""
        before = int(self.shown()["usage"]["apiCalls"])
        self.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", at, calls)])
        soon(self.shown, lambda found: found["usage"]["apiCalls"] == before + calls)

    def decide(self, path: str, **body: str) -> dict[str, Any]:
        """Decide something that is done at once; return the answer."""
        answer = self.api.post(f"/subscription/{path}", json=body)
        assert 200 == answer.status_code, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def invoices(self) -> list[Invoice]:
        """All of them, the first first."""
        found = self.stripe.invoices.list({"customer": self.customer_id, "limit": 100}).data
        return [*reversed(found)]

    def overage(self) -> list[tuple[str | None, int, int]]:
        """The lines of ours on final invoices: the invoice's reason, quantity and cents."""
        return [
            (invoice.billing_reason, line.quantity or 0, line.amount)
            for invoice in self.invoices()
            if invoice.status == "paid"
            for line in invoice.lines.data
            if line.metadata and "charge" in line.metadata.to_dict()
        ]


@pytest.fixture
def starter(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """A subscriber to starter."""
    return Subscriber(home, stack, callers, "starter")


def test_upgrade_with_overage_owed_neither_loses_nor_doubles_it(starter: Subscriber) -> None:
    """500 calls over the old limit and 7 over the new are one line of the month's invoice."""
    half = starter.start + (starter.end - starter.start) / 2
    starter.move(half)
    starter.use(1_500, half)
    starter.decide("plan", plan="professional")
    shown = starter.shown()
    assert ("professional", 10_000, 500) == (
        shown["plan"],
        shown["limits"]["apiCalls"],
        shown["overage"]["apiCalls"]["quantity"],
    )
    starter.use(9_007, half)
    (proration,) = (each for each in starter.invoices() if each.billing_reason == "subscription_update")
    assert ("paid", (PRICE["professional"] - PRICE["starter"]) // 2) == (proration.status, proration.total)
    starter.move(starter.end + timedelta(hours=3))
    assert [("subscription_cycle", 507, 507)] == soon(starter.overage, bool)
    assert (PRICE["professional"] + 507, "paid") == (
        starter.invoices()[-1].total,
        starter.invoices()[-1].status,
    )


@pytest.fixture
def professional(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """A subscriber to professional."""
    return Subscriber(home, stack, callers, "professional")


def test_downgrade_then_upgrade_back_and_beyond(professional: Subscriber) -> None:
    """What is taken back never happened; what was over before the highest plan is charged once."""
    half = professional.start + (professional.end - professional.start) / 2
    professional.move(half)
    professional.use(10_400, half)
    pending = []
    for plan in ("starter", "professional", "starter", "enterprise"):
        professional.decide("plan", plan=plan)
        pending.append(professional.shown()["pendingPlan"])
    shown = professional.shown()
    assert (["starter", None, "starter", None], "enterprise", -1, 400) == (
        pending,
        shown["plan"],
        shown["limits"]["apiCalls"],
        shown["overage"]["apiCalls"]["quantity"],
    )
    professional.use(5_000, half)
    (proration,) = (each for each in professional.invoices() if each.billing_reason == "subscription_update")
    assert ("paid", (PRICE["enterprise"] - PRICE["professional"]) // 2) == (proration.status, proration.total)
    professional.move(professional.end + timedelta(hours=3))
    assert [("subscription_cycle", 400, 400)] == soon(professional.overage, bool)
    assert (PRICE["enterprise"] + 400, "enterprise", None) == (
        professional.invoices()[-1].total,
        professional.shown()["plan"],
        professional.shown()["pendingPlan"],
    )


def test_cancel_now_with_overage_owed(starter: Subscriber) -> None:
    """The API says that it has ended; Stripe too; and what is owed goes onto an invoice of its own, once."""
    day = starter.start + timedelta(days=1)
    starter.move(day)
    starter.use(1_250, day)
    assert "canceled" == starter.decide("cancel", at="now")["status"]
    (bought,) = starter.stripe.subscriptions.list({"customer": starter.customer_id, "status": "all"}).data
    assert ("canceled", "free") == (bought.status, starter.shown()["plan"])
    for half_hours in range(1, 7):  # nothing of Stripe's happens in them at which the clock would stop
        starter.move(day + timedelta(minutes=30 * half_hours))
    assert [("manual", 250, 250)] == soon(starter.overage, bool)
    starter.move(starter.end + timedelta(hours=3))
    assert [("manual", 250, 250)] == starter.overage()


def test_an_upgrade_while_the_draft_is_held(starter: Subscriber) -> None:
    """The month before is charged by the old plan; the upgrade is prorated in the month that has begun."""
    last = starter.end - timedelta(minutes=1)
    starter.move(last)
    starter.use(1_100, last)
    starter.move(starter.end + timedelta(minutes=2))
    soon(starter.shown, lambda found: datetime.fromisoformat(found["currentPeriodStart"]) == starter.end)
    draft = starter.invoices()[-1]
    assert ("draft", "subscription_cycle") == (draft.status, draft.billing_reason)
    starter.decide("plan", plan="professional")
    assert "professional" == starter.shown()["plan"]
    starter.move(starter.end + timedelta(hours=3))
    assert [("subscription_cycle", 100, 100)] == soon(starter.overage, bool)
    totals = {each.billing_reason: each.total for each in starter.invoices()[-2:]}
    assert PRICE["starter"] + 100 == totals["subscription_cycle"]
    assert PRICE["professional"] - PRICE["starter"] - totals["subscription_update"] in {0, 1}


def test_a_draft_is_held_while_usage_is_late(starter: Subscriber, queues: Queues) -> None:
    """Past Stripe's own hour, until all that was accepted is counted, whatever is decided meanwhile."""
    last = starter.end - timedelta(minutes=1)
    starter.move(last)
    with queues.unread():
        starter.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", last, 1_100)])
        starter.move(starter.end + timedelta(hours=3))
        draft = starter.invoices()[-1]
        assert ("draft", "subscription_cycle", []) == (draft.status, draft.billing_reason, starter.overage())
        starter.decide("plan", plan="professional")
        assert ("professional", "draft") == (
            starter.shown()["plan"],
            starter.stripe.invoices.retrieve(draft.id).status,
        )
    queues.settle()
    for hours in (4, 5):  # in the first it is charged and released, in the second finalised
        starter.move(starter.end + timedelta(hours=hours))
    assert [("subscription_cycle", 100, 100)] == soon(starter.overage, bool)
    charged = starter.stripe.invoices.retrieve(draft.id)
    assert (PRICE["starter"] + 100, "paid", 0) == (
        charged.total,
        charged.status,
        starter.shown()["usage"]["apiCalls"],
    )


def test_upgrade_with_a_declining_card_and_with_one_that_must_be_authenticated(
    starter: Subscriber, stack: Stack
) -> None:
    """Both leave the old plan and say where to pay; once the bank was answered, the upgrade is there."""
    refused = {}
    for card, error in (
        ("pm_card_chargeCustomerFail", "payment_failed"),
        ("pm_card_authenticationRequired", "authentication_required"),
    ):
        method = starter.stripe.payment_methods.attach(card, {"customer": starter.customer_id})
        (bought,) = starter.stripe.subscriptions.list({"customer": starter.customer_id}).data
        starter.stripe.subscriptions.update(bought.id, {"default_payment_method": method.id})
        answer = starter.api.post("/subscription/plan", json={"plan": "professional"})
        refused[error] = answer.status_code, answer.json()["error"]
        pending = starter.invoices()[-1]
        assert ("starter", "open", pending.hosted_invoice_url) == (
            starter.shown()["plan"],
            pending.status,
            answer.json()["hostedInvoiceUrl"],
        )
    assert {error: (402, error) for error in refused} == refused
    path = f"{stack.stripe}/_sandbox/invoices/{starter.invoices()[-1].id}/authenticate"
    httpx.post(path, json={"succeeds": True}, trust_env=False).raise_for_status()
    assert "professional" == soon(starter.shown, lambda found: found["plan"] == "professional")["plan"]
    assert ["void", "paid"] == [each.status for each in starter.invoices()[-2:]]


def test_a_change_in_stripes_dashboard_ends_the_same(starter: Subscriber) -> None:
    """The higher limits hold as soon as Stripe has told of it."""
    (bought,) = starter.stripe.subscriptions.list({"customer": starter.customer_id}).data
    (price,) = starter.stripe.prices.list(
        {"lookup_keys": [load().plans["professional"].price_lookup_key]}
    ).data
    item = bought["items"].data[0].id
    starter.stripe.subscriptions.update(bought.id, {"items": [{"id": item, "price": price.id}]})
    found = soon(starter.shown, lambda found: found["plan"] == "professional")
    assert ("professional", 10_000) == (found["plan"], found["limits"]["apiCalls"])
