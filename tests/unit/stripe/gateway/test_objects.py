"""What Stripe's objects come to as values of the rules."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tests.examples import NOW
from tollkeeper.catalogue import FREE
from tollkeeper.rules.subscriptions import Card, Cause, PaymentMethod, Status, Subscription
from tollkeeper.stripe.gateway.objects import base_item, comment, phase_after, subscription

CREATED, START, END = NOW - timedelta(days=40), NOW - timedelta(days=10), NOW + timedelta(days=20)
PLANS = {"prod_pro": "professional", "prod_start": "starter"}
READ = Subscription(
    id="sub_1",
    customer_id="cus_1",
    plan="professional",
    status=Status.ACTIVE,
    created=CREATED,
    period_start=START,
    period_end=END,
)


def seconds(instant: datetime) -> int:
    """An instant as Stripe says it."""
    return int(instant.timestamp())


def item(product: str, end: datetime = END) -> dict[str, Any]:
    """An item of a subscription."""
    bounds = {"current_period_start": seconds(START), "current_period_end": seconds(end)}
    price = {"id": "price_1", "object": "price", "product": product}
    return {"id": f"si_{product}", "object": "subscription_item", "price": price, **bounds}


def told(*items: dict[str, Any], **but: object) -> stripe.Subscription:
    """A subscription as Stripe tells it."""
    bare = dict.fromkeys(("trial_end", "cancel_at", "ended_at", "schedule", "cancellation_details"))
    own = {"id": "sub_1", "object": "subscription", "customer": "cus_1", "status": "active"}
    listed = {"object": "list", "data": [*items] or [item("prod_pro")]}
    whole = {
        **bare,
        **own,
        "created": seconds(CREATED),
        "cancel_at_period_end": False,
        "items": listed,
        **but,
    }
    return stripe.Subscription.construct_from({**whole, **but}, key=None)


def read(
    of: stripe.Subscription,
    unpaid: stripe.Invoice | None = None,
    payment_method: stripe.PaymentMethod | None = None,
) -> Subscription:
    """What it is read as."""
    return subscription(of, PLANS, unpaid=unpaid, pending_plan="starter", payment_method=payment_method)


LATER = NOW + timedelta(days=3)
DETAILS = {"object": "cancellation_details", "comment": comment(Cause.DUPLICATE)}


@pytest.mark.parametrize(
    ("but", "expected"),
    [
        pytest.param({}, {}, id="as it is"),
        pytest.param({"trial_end": seconds(LATER)}, {"trial_end": LATER}, id="in a trial"),
        pytest.param({"cancel_at": seconds(LATER)}, {"cancel_at": LATER}, id="to end at an instant"),
        pytest.param({"cancel_at_period_end": True}, {"cancel_at": END}, id="to end with its period"),
        pytest.param(
            {"cancel_at_period_end": True, "cancel_at": seconds(LATER)},
            {"cancel_at": LATER},
            id="the instant before the flag",
        ),
        pytest.param({"ended_at": seconds(NOW)}, {"ended_at": NOW}, id="ended by somebody at Stripe"),
        pytest.param(
            {"ended_at": seconds(NOW), "cancellation_details": DETAILS},
            {"ended_at": NOW, "canceled_for": Cause.DUPLICATE},
            id="ended for a reason of ours",
        ),
        pytest.param({"cancellation_details": DETAILS}, {}, id="a reason, but it lives"),
        pytest.param({"status": "past_due"}, {"status": Status.PAST_DUE}, id="past due"),
    ],
)
def test_a_subscription_is_read(but: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each thing that Stripe says by itself."""
    assert replace(READ, pending_plan="starter", **expected) == read(told(**but))


def test_a_plan_is_known_by_its_product() -> None:
    """Whatever else a person has sold with it, in whatever order; what is not ours at all is free."""
    both = told(item("prod_extra", LATER), item("prod_start"))
    assert ("starter", END, "si_prod_start") == (
        read(both).plan,
        read(both).period_end,
        base_item(both, PLANS).id,
    )
    other = told(item("prod_extra", LATER), item("prod_other"))
    assert (FREE, LATER) == (read(other).plan, read(other).period_end)


@pytest.mark.parametrize(
    ("reason", "looks_back_to", "is_first"),
    [
        ("subscription_cycle", START, True),
        ("subscription_cycle", END, False),
        ("subscription_update", START, False),
    ],
)
def test_an_unpaid_invoice_tells_since_when_and_whether_it_is_the_first(
    *, reason: str, looks_back_to: datetime, is_first: bool
) -> None:
    """The first after a trial looks back on the trial; asked to be paid is when it was finalised."""
    for finalized, since in ((seconds(NOW), NOW), (None, START)):
        invoice = stripe.Invoice.construct_from(
            {
                "id": "in_1",
                "object": "invoice",
                "billing_reason": reason,
                "period_end": seconds(looks_back_to),
                "created": seconds(START),
                "status_transitions": {"finalized_at": finalized},
            },
            key=None,
        )
        found = read(told(trial_end=seconds(START)), invoice)
        assert (since, is_first) == (found.past_due_since, found.first_charge_failed)


def test_a_payment_method_has_numbers_if_it_is_a_card() -> None:
    """One that was detached is nobody's any more."""
    card = {"brand": "visa", "last4": "4242", "exp_month": 7, "exp_year": 2031}

    def method(**of: object) -> stripe.PaymentMethod:
        return stripe.PaymentMethod.construct_from({"id": "pm_1", "customer": "cus_1", **of}, key=None)

    with_card = method(type="card", card=card)
    assert (
        PaymentMethod("card", Card("visa", "4242", 7, 2031)) == read(told(), None, with_card).payment_method
    )
    debit = read(told(), None, method(type="sepa_debit")).payment_method
    assert PaymentMethod("sepa_debit", None) == debit
    detached = method(type="card", card=card, customer=None)
    assert read(told(), None, detached).payment_method is None


def test_the_phase_after_the_present_one_is_what_a_schedule_enters_next() -> None:
    """None of a schedule that was not fetched, has ended, or ends with this phase."""
    dates = [(START, END), (END, END + timedelta(days=30))]
    phases = [{"start_date": seconds(start), "end_date": seconds(end)} for start, end in dates]

    def of(current: dict[str, int] | None) -> stripe.Subscription:
        kept = {"id": "sub_sched_1", "object": "subscription_schedule", "phases": phases}
        return told(schedule={**kept, "current_phase": current})

    following = phase_after(of(phases[0]))
    assert following is not None
    assert END == datetime.fromtimestamp(following.start_date, UTC)
    assert [None, None, None, None] == [
        phase_after(each) for each in (of(phases[1]), of(None), told(), told(schedule="sub_sched_1"))
    ]
