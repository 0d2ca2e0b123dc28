"""The customer portal."""

from datetime import timedelta
from typing import Any

import pytest
import stripe as sdk
from stripe.billing_portal import Session

from tests.standin.harness import START, Sandbox, Shop


@pytest.fixture
def session(shop: Shop) -> Session:
    """A portal that lets a subscriber change the card and cancel at the period's end."""
    features: Any = {
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "subscription_update": {"enabled": False},
    }
    shop.stripe.v1.billing_portal.configurations.create({"features": features})
    customer = shop.customer()
    shop.subscribe(customer)
    return shop.stripe.v1.billing_portal.sessions.create(
        {
            "customer": customer.id,
            "return_url": "https://x.test",
            "flow_data": {"type": "payment_method_update"},
        }
    )


def test_portal_cancels_at_the_period_end(sandbox: Sandbox, shop: Shop, session: Session) -> None:
    """In flexible mode a cancellation shows as `cancel_at`, not as `cancel_at_period_end`."""
    sandbox.http.post(f"/portal/{session.id}/cancel")
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    assert (subscription.items.data[0].current_period_end, False) == (
        subscription.cancel_at,
        subscription.cancel_at_period_end,
    )


def test_portal_changes_the_card(sandbox: Sandbox, shop: Shop, session: Session) -> None:
    """A new card becomes the default; it is attached like any other."""
    sandbox.http.post(f"/portal/{session.id}/card", data={"card": "5555555555554444"})
    (subscription,) = shop.stripe.v1.subscriptions.list().data
    method = shop.stripe.v1.payment_methods.retrieve(str(subscription.default_payment_method))
    assert method.card
    assert ("mastercard", "4444") == (method.card.brand, method.card.last4)


def test_portal_page_shows_what_is_allowed(sandbox: Sandbox, session: Session) -> None:
    """The page offers what its configuration allows and the way back."""
    text = sandbox.http.get(f"/portal/{session.id}").text
    assert all(part in text for part in ("Update card", "Cancel subscription", "https://x.test"))


def test_portal_session_lasts_five_minutes(sandbox: Sandbox, session: Session) -> None:
    """An old link leads nowhere."""
    sandbox.move(START + timedelta(minutes=5))
    assert sandbox.http.get(f"/portal/{session.id}").status_code == 404


def test_portal_needs_an_active_configuration(shop: Shop) -> None:
    """One that was deactivated opens no sessions."""
    api = shop.stripe.v1.billing_portal
    made = api.configurations.create({"features": {"invoice_history": {"enabled": True}}})
    api.configurations.update(made.id, {"active": False})
    with pytest.raises(sdk.InvalidRequestError, match="inactive"):
        api.sessions.create({"customer": shop.customer().id, "configuration": made.id})
