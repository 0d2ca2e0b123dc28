"""Cancelling and resuming."""

from datetime import timedelta

import pytest

from tests.integration.decisions.ada import END, HALF, Ada
from tests.standin.harness import START
from tollkeeper.rules.overage import overage
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.times import epoch
from tollkeeper.subscriptions.cancellations import CancelAt
from tollkeeper.subscriptions.errors import SubscriptionEndedError, SubscriptionEndingError


def test_cancel_at_the_period_end_and_resume(ada: Ada) -> None:
    """Until the end all goes on; resumed, it goes on beyond."""
    ada.subscribe("starter")
    assert Status.ACTIVE is ada.cancel()
    assert (END, 0, "starter") == (ada.shown.cancel_at, ada.shown.projected_total, ada.shown.plan)
    assert ada.resume() is None
    ada.move(END + timedelta(hours=2))
    assert (Status.ACTIVE, "starter", None) == (ada.shown.status, ada.shown.plan, ada.shown.cancel_at)


def test_what_is_cancelled_ends_with_its_period(ada: Ada) -> None:
    """Then there is nothing left to decide about."""
    ada.subscribe("starter")
    ada.cancel()
    ada.move(END + timedelta(hours=2))
    assert (Status.CANCELED, "free") == (ada.shown.status, ada.shown.plan)
    for decide in (lambda: ada.change("professional"), ada.cancel, ada.resume):
        with pytest.raises(SubscriptionEndedError):
            decide()


def test_resume_undoes_what_the_portal_set(ada: Ada) -> None:
    """Flexible billing mode's portal sets `cancel_at` alone."""
    ada.subscribe("starter")
    ada.sandbox.stripe.v1.subscriptions.update(ada.at_stripe().id, {"cancel_at": epoch(END)})
    ada.hear()
    assert (END, False) == (ada.shown.cancel_at, ada.at_stripe().cancel_at_period_end)
    ada.resume()
    assert (None, None) == (ada.shown.cancel_at, ada.at_stripe().cancel_at)


def test_cancel_in_the_trial_costs_nothing(ada: Ada) -> None:
    """It ends with the trial, and nothing is ever charged."""
    ada.subscribe("starter", trial_days=14)
    assert Status.TRIALING is ada.cancel()
    assert START + HALF == ada.shown.cancel_at
    ada.move(START + HALF + timedelta(hours=2))
    assert (Status.CANCELED, [0]) == (ada.shown.status, [each.total for each in ada.invoices()])


def test_cancel_with_a_downgrade_pending(ada: Ada) -> None:
    """The downgrade is given up; resumed, the plan is the one there was."""
    ada.subscribe("professional")
    ada.change("starter")
    ada.cancel()
    assert (END, None) == (ada.shown.cancel_at, ada.shown.pending_plan)
    with pytest.raises(SubscriptionEndingError):
        ada.change("starter")
    ada.resume()
    ada.move(END + timedelta(hours=2))
    assert ("professional", Status.ACTIVE) == (ada.shown.plan, ada.shown.status)


@pytest.mark.parametrize("pending", [None, "starter"])
def test_cancel_now(ada: Ada, pending: str | None) -> None:
    """It ends at once, also with a downgrade pending; what was used beyond is left to be charged."""
    ada.subscribe("professional")
    ada.move(START + HALF)
    ada.use("apiCalls", 10_500)
    if pending:
        ada.change(pending)
    assert Status.CANCELED is ada.cancel(CancelAt.NOW)
    assert ("free", Status.CANCELED) == (ada.shown.plan, ada.shown.status)
    (ended,) = (each for each in ada.users.history("ada").periods if each.subscription_id)
    assert (ada.now, 500) == (ended.end, overage(ended)["apiCalls"].quantity)


def test_cancelling_twice_is_cancelling_once(ada: Ada) -> None:
    """Whoever asks again is told the same; Stripe is asked once."""
    ada.subscribe("starter")
    assert ada.cancel() is ada.cancel()
    subscription = ada.at_stripe().id
    assert 1 == len(ada.requests("POST", f"/v1/subscriptions/{subscription}"))
