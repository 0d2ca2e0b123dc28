"""What is written down for ever when a subscription changes."""

from dataclasses import replace
from datetime import datetime

import pytest

from tests.examples import END, NOW, OFFER, SUBSCRIPTION
from tollkeeper.rules.audit import Action, AuditEntry, of_subscription
from tollkeeper.rules.subscriptions import Status, Subscription

CANCELLED = replace(SUBSCRIPTION, status=Status.CANCELED, ended_at=NOW)
SECOND = replace(SUBSCRIPTION, id="sub_second", created=NOW)


def entry(before: Subscription | None, after: Subscription) -> AuditEntry | None:
    """What is written when Stripe's word changes from one to the other."""
    return of_subscription("ada", before, after, at=NOW, actor="stripe", event_id="evt_1", offer=OFFER)


def action(before: Subscription | None, after: Subscription) -> Action | None:
    """What is said to have happened."""
    written = entry(before, after)
    return written.action if written else None


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param(None, SUBSCRIPTION, Action.SUBSCRIPTION_CREATED, id="the first"),
        pytest.param(CANCELLED, SECOND, Action.SUBSCRIPTION_CREATED, id="another after an ended one"),
        pytest.param(
            SUBSCRIPTION, replace(SUBSCRIPTION, plan="starter"), Action.SUBSCRIPTION_UPDATED, id="a change"
        ),
        pytest.param(SUBSCRIPTION, CANCELLED, Action.SUBSCRIPTION_CANCELED, id="the end"),
        pytest.param(None, CANCELLED, Action.SUBSCRIPTION_CANCELED, id="begun and ended unseen"),
        pytest.param(
            CANCELLED, replace(CANCELLED, cancel_at=NOW), Action.SUBSCRIPTION_UPDATED, id="after the end"
        ),
        pytest.param(SUBSCRIPTION, SUBSCRIPTION, None, id="nothing new"),
    ],
)
def test_an_entry_says_what_happened(
    before: Subscription | None, after: Subscription, expected: Action | None
) -> None:
    """A subscription is created, changed or cancelled; what Stripe repeats is not written."""
    assert expected == action(before, after)


def test_an_entry_says_who_when_what_and_why() -> None:
    """It names the user, Stripe as the actor, the subscription, and the event that made Tollkeeper look."""
    assert AuditEntry(
        user_id="ada",
        at=NOW,
        actor="stripe",
        action=Action.SUBSCRIPTION_UPDATED,
        entity_type="subscription",
        entity_id="sub_ada",
        details={
            "before": {"amount": "9900", "plan": "professional", "status": "trialing"},
            "after": {"amount": "2900", "customer_id": "cus_ada", "plan": "starter", "status": "active"},
        },
        event_id="evt_1",
    ) == entry(replace(SUBSCRIPTION, status=Status.TRIALING), replace(SUBSCRIPTION, plan="starter"))


def test_a_new_subscription_has_nothing_before() -> None:
    """All that is known of it stands in `after`, and beside it that there was nothing."""
    written = entry(None, SUBSCRIPTION)
    assert written is not None
    before, after = written.details["before"], written.details["after"]
    assert ("professional", "active", "cus_ada", "9900") == (
        after["plan"],
        after["status"],
        after["customer_id"],
        after["amount"],
    )
    assert {None} == set(before.values())


def test_an_entry_always_says_plan_customer_and_amount() -> None:
    """Whatever of the subscription has changed."""
    written = entry(replace(SUBSCRIPTION, cancel_at=END), SUBSCRIPTION)
    assert written is not None
    told = {name: written.details["after"][name] for name in ("plan", "customer_id", "amount")}
    assert {"plan": "professional", "customer_id": "cus_ada", "amount": "9900"} == told


def test_an_attribute_that_comes_to_nothing_is_a_change() -> None:
    """That a cancellation was taken back is written as a date before and nothing after."""
    written = entry(replace(SUBSCRIPTION, cancel_at=END), SUBSCRIPTION)
    assert written is not None
    before, after = written.details["before"], written.details["after"]
    assert ({"cancel_at"}, None) == (set(before), after["cancel_at"])
    assert END == datetime.fromisoformat(str(before["cancel_at"]))
