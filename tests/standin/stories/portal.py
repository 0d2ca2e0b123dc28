"""The portal, and what customers do there."""

from typing import Any

from tests.standin.harness import Sandbox, Shop


def portal(sandbox: Sandbox, shop: Shop) -> None:
    """Configurations, a session that cancels, and one that changes to a card whose bank asks."""
    api = shop.stripe.v1.billing_portal
    features: Any = {
        "payment_method_update": {"enabled": True},
        "subscription_cancel": {"enabled": True, "mode": "at_period_end"},
        "invoice_history": {"enabled": True},
    }
    made = api.configurations.create({"features": features, "name": "n"})
    api.configurations.update(made.id, {"business_profile": {"headline": "h"}, "metadata": {"a": "b"}})
    api.configurations.list()
    customer = shop.customer()
    shop.subscribe(customer)
    session = api.sessions.create({"customer": customer.id, "return_url": "https://x.test"})
    for card in ({"card": "5555555555554444"}, {"card": "4000002500003155", "authenticated": "yes"}):
        assert sandbox.http.post(f"/portal/{session.id}/card", data=card).status_code == 303
    assert sandbox.http.post(f"/portal/{session.id}/cancel").status_code == 303


def flows(_sandbox: Sandbox, shop: Shop) -> None:
    """A session at each of the portal's flows, and after each of the ways on from it."""
    api = shop.stripe.v1.billing_portal
    features: Any = {"payment_method_update": {"enabled": True}}
    api.configurations.create({"features": features})
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    of: Any = {"subscription": subscription.id}
    item: Any = {"id": subscription["items"].data[0].id, "price": shop.large.id, "quantity": 1}
    coupon = shop.stripe.v1.coupons.create({"percent_off": 10})
    flows: Any = [
        {"type": "payment_method_update"},
        {"type": "subscription_cancel", "subscription_cancel": of},
        {
            "type": "subscription_cancel",
            "subscription_cancel": {
                **of,
                "retention": {"type": "coupon_offer", "coupon_offer": {"coupon": coupon.id}},
            },
        },
        {"type": "subscription_update", "subscription_update": of},
        {"type": "subscription_pause", "subscription_pause": of},
        {"type": "customer_update"},
        {
            "type": "subscription_update_confirm",
            "subscription_update_confirm": {**of, "items": [item], "discounts": [{"coupon": coupon.id}]},
        },
        {
            "type": "payment_method_update",
            "after_completion": {"type": "redirect", "redirect": {"return_url": "https://x.test"}},
        },
        {
            "type": "payment_method_update",
            "after_completion": {
                "type": "hosted_confirmation",
                "hosted_confirmation": {"custom_message": "thanks"},
            },
        },
    ]
    for flow in flows:
        api.sessions.create({"customer": customer.id, "flow_data": flow, "expand": ["configuration"]})


STORIES = (portal, flows)
