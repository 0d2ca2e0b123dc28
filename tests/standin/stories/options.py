"""Sessions with what a seller may switch on, and the portal with what it may be opened at."""

from typing import Any

from tests.standin.harness import Sandbox, Shop

CARD = "4242424242424242"


def _subscribe(sandbox: Sandbox, shop: Shop, by: dict[str, Any], **more: Any) -> None:  # noqa: ANN401 - any parameter
    params: Any = {
        "mode": "subscription",
        "success_url": "https://x.test",
        "line_items": [{"price": shop.small.id, "quantity": 1}],
        "customer": shop.stripe.v1.customers.create({}).id,
        "customer_update": {"address": "auto", "name": "auto"},
        "billing_address_collection": "required",
        **more,
    }
    session = shop.stripe.v1.checkout.sessions.create(params)
    answer = sandbox.http.post(f"/_sandbox/checkout/sessions/{session.id}/complete", json=by)
    assert answer.status_code == 200, answer.text
    shop.stripe.v1.checkout.sessions.retrieve(session.id, {"expand": ["customer", "invoice", "subscription"]})


def with_taxes(sandbox: Sandbox, shop: Shop) -> None:
    """Automatic tax, and the tax id of whoever buys."""
    shop.small = shop.stripe.v1.prices.update(shop.small.id, {"tax_behavior": "exclusive"})
    _subscribe(
        sandbox,
        shop,
        {"card": CARD, "taxId": {"type": "eu_vat", "value": "DE123456789"}},
        automatic_tax={"enabled": True},
        tax_id_collection={"enabled": True},
    )


def without_a_payment_method(sandbox: Sandbox, shop: Shop) -> None:
    """A trial that begins without one."""
    _subscribe(
        sandbox,
        shop,
        {},
        payment_method_collection="if_required",
        subscription_data={"trial_period_days": 14},
    )


def of_some_types(sandbox: Sandbox, shop: Shop) -> None:
    """What can be paid with is named."""
    _subscribe(sandbox, shop, {"paymentMethod": "link"}, allowed_payment_method_types=["card", "link"])


def at_the_payment_method(_sandbox: Sandbox, shop: Shop) -> None:
    """The portal opened at what is paid with, from which the customer comes back; it allows more later."""
    api = shop.stripe.v1.billing_portal
    allowed: Any = {"payment_method_update": {"enabled": True}}
    configuration = api.configurations.create({"features": allowed, "metadata": {"a": "b"}, "name": "A"})
    api.sessions.create(
        {
            "customer": shop.customer().id,
            "configuration": configuration.id,
            "flow_data": {
                "type": "payment_method_update",
                "after_completion": {"type": "redirect", "redirect": {"return_url": "https://x.test"}},
            },
        }
    )
    more: Any = {
        "customer_update": {"enabled": True, "allowed_updates": ["email", "tax_id"]},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
    }
    api.configurations.update(configuration.id, {"features": more})
    api.configurations.list({"active": True})


STORIES = (
    at_the_payment_method,
    of_some_types,
    with_taxes,
    without_a_payment_method,
)
