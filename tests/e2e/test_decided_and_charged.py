"""The checklist for decisions in a month in which overage is owed: down to the lines of Stripe's invoices."""

import uuid
from datetime import timedelta

import httpx
import pytest

from infra.local.customer import UsageRecord
from infra.local.places import Home, Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.queues import Queues
from tests.e2e.subscribers import Subscriber
from tollkeeper.catalogue import load

PRICE = {"starter": 29_00, "professional": 99_00, "enterprise": 299_00}


@pytest.fixture
def starter(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """A subscriber to starter, whose paid month has just begun."""
    subscriber = Subscriber(home, stack, callers, "starter")
    subscriber.pass_trial()
    return subscriber


@pytest.fixture
def professional(home: Home, stack: Stack, callers: Callers) -> Subscriber:
    """A subscriber to professional, likewise."""
    subscriber = Subscriber(home, stack, callers, "professional")
    subscriber.pass_trial()
    return subscriber


def test_downgrade_then_upgrade_back_and_beyond(professional: Subscriber) -> None:
    """What is taken back never happened; what was over before the highest plan is charged once."""
    start, end = professional.period()
    half = start + (end - start) / 2
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
    professional.move(end + timedelta(hours=3))
    assert [("subscription_cycle", 400, 400)] == soon(professional.overage, bool)
    assert (PRICE["enterprise"] + 400, "enterprise", None) == (
        professional.invoices()[-1].total,
        professional.shown()["plan"],
        professional.shown()["pendingPlan"],
    )


def test_cancel_now_with_overage_owed(starter: Subscriber) -> None:
    """The API says that it has ended; Stripe too; and what is owed goes onto an invoice of its own, once."""
    start, end = starter.period()
    day = start + timedelta(days=1)
    starter.move(day)
    starter.use(1_250, day)
    assert "canceled" == starter.decide("cancel", at="now")["status"]
    (bought,) = starter.stripe.subscriptions.list({"customer": starter.customer_id, "status": "all"}).data
    assert ("canceled", "free") == (bought.status, starter.shown()["plan"])
    for half_hours in range(1, 7):  # nothing of Stripe's happens in them at which the clock would stop
        starter.move(day + timedelta(minutes=30 * half_hours))
    assert [("manual", 250, 250)] == soon(starter.overage, bool)
    starter.move(end + timedelta(hours=3))
    assert [("manual", 250, 250)] == starter.overage()


def test_an_upgrade_while_the_draft_is_held(starter: Subscriber) -> None:
    """The month before is charged by the old plan; the upgrade is prorated in the month that has begun."""
    _, end = starter.period()
    last = end - timedelta(minutes=1)
    starter.move(last)
    starter.use(1_100, last)
    starter.move(end + timedelta(minutes=2))
    soon(starter.period, lambda period: period[0] == end)
    draft = starter.invoices()[-1]
    assert ("draft", "subscription_cycle") == (draft.status, draft.billing_reason)
    starter.decide("plan", plan="professional")
    assert "professional" == starter.shown()["plan"]
    starter.move(end + timedelta(hours=3))
    assert [("subscription_cycle", 100, 100)] == soon(starter.overage, bool)
    totals = {each.billing_reason: each.total for each in starter.invoices()[-2:]}
    assert PRICE["starter"] + 100 == totals["subscription_cycle"]
    assert PRICE["professional"] - PRICE["starter"] - totals["subscription_update"] in {0, 1}


def test_a_draft_is_held_while_usage_is_late(starter: Subscriber, queues: Queues) -> None:
    """Past Stripe's own hour, until all that was accepted is counted, whatever is decided meanwhile."""
    _, end = starter.period()
    last = end - timedelta(minutes=1)
    starter.move(last)
    with queues.unread():
        starter.customer.report([UsageRecord(uuid.uuid4().hex, "apiCalls", last, 1_100)])
        starter.move(end + timedelta(hours=3))
        draft = starter.invoices()[-1]
        assert ("draft", "subscription_cycle", []) == (draft.status, draft.billing_reason, starter.overage())
        starter.decide("plan", plan="professional")
        assert ("professional", "draft") == (
            starter.shown()["plan"],
            starter.stripe.invoices.retrieve(draft.id).status,
        )
    queues.settle()
    for hours in (4, 5):  # in the first it is charged and released, in the second finalised
        starter.move(end + timedelta(hours=hours))
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
