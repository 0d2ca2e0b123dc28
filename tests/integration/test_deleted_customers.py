"""Customers whom somebody deleted in Stripe's dashboard: the gateway goes on with what is left of them."""

from tests.standin.harness import Sandbox
from tollkeeper.catalogue import load
from tollkeeper.rules.subscriptions import Status
from tollkeeper.stripe.gateway import StripeGateway

STARTER = load().plans["starter"].price_lookup_key


def subscribe(sandbox: Sandbox, gateway: StripeGateway, user: str) -> str:
    """Have a user subscribe with the card of their customer, which is returned."""
    api, customer = sandbox.stripe.v1, gateway.create_customer(user)
    card = api.payment_methods.attach("pm_card_visa", {"customer": customer})
    api.customers.update(customer, {"invoice_settings": {"default_payment_method": card.id}})
    (price,) = api.prices.list({"lookup_keys": [STARTER]}).data
    noted = {"userId": user, "deployment": "live"}
    api.subscriptions.create({"customer": customer, "items": [{"price": price.id}], "metadata": noted})
    return customer


def test_a_customer_deleted_between_two_calls_has_no_payment_method(
    sandbox: Sandbox, gateway: StripeGateway
) -> None:
    """The list still says that the subscription lives; its customer has no settings any more."""
    customer = subscribe(sandbox, gateway, "ada")
    subscribe(sandbox, gateway, "bob")
    listed = gateway.subscriptions()
    assert "bob" == next(listed).user_id
    sandbox.stripe.v1.customers.delete(customer)
    (of_ada,) = listed
    assert of_ada.subscription
    assert ("ada", None) == (of_ada.user_id, of_ada.subscription.payment_method)


def test_a_deleted_customer_is_still_the_users(sandbox: Sandbox, gateway: StripeGateway) -> None:
    """They are not there any more; what they had has ended, and says whose it was."""
    customer = subscribe(sandbox, gateway, "ada")
    sandbox.stripe.v1.customers.delete(customer)
    (ended,) = gateway.subscriptions_of(customer)
    assert (False, "ada", Status.CANCELED, None) == (
        gateway.has_customer(customer),
        gateway.user_of(customer),
        ended.status,
        ended.payment_method,
    )
