"""Customers and what they own: changed, replaced and deleted."""

from tests.standin.harness import Sandbox, Shop


def endings(_sandbox: Sandbox, shop: Shop) -> None:
    """What is left of whatever was deleted or changed."""
    api = shop.stripe.v1
    api.accounts.retrieve_current()
    api.products.update(shop.product.id, {"description": "bright", "unit_label": "lamp"})
    api.prices.update(shop.small.id, {"nickname": "s"})
    api.billing.meters.deactivate(shop.meter.id)
    api.billing.meters.list()
    api.billing.meters.reactivate(shop.meter.id)


def deleted(_sandbox: Sandbox, shop: Shop) -> None:
    """A deleted customer, asked for by themselves and from all that they had."""
    api = shop.stripe.v1
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    default = "invoice_settings.default_payment_method"
    api.customers.retrieve(customer.id, {"expand": ["subscriptions", default]})
    api.customers.payment_methods.list(customer.id)
    api.customers.delete(customer.id)
    api.customers.retrieve(customer.id, {"expand": [default]})
    expanded = ["customer", "latest_invoice.customer", "default_payment_method"]
    api.subscriptions.retrieve(subscription.id, {"expand": expanded})
    api.invoices.list({"customer": customer.id, "expand": ["data.customer"]})


def replaced_cards(sandbox: Sandbox, shop: Shop) -> None:
    """A card is changed by hand, replaced by its bank, and detached."""
    api, customer = shop.stripe.v1, shop.customer()
    (card,) = api.customers.payment_methods.list(customer.id).data
    api.payment_methods.update(card.id, {"card": {"exp_month": 3}, "metadata": {"a": "b"}})
    path = f"/_sandbox/payment_methods/{card.id}/replace"
    sandbox.http.post(path, json={"expMonth": 4, "expYear": 2040}).raise_for_status()
    made = api.payment_methods.create(
        {"type": "card", "card": {"token": "tok_visa"}, "billing_details": {"name": "Ada"}}
    )
    api.payment_methods.attach(made.id, {"customer": customer.id})
    api.payment_methods.detach(card.id)
    api.payment_methods.list({"customer": customer.id})


STORIES = (endings, deleted, replaced_cards)
