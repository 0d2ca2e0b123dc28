"""Invoices made by hand, and previews."""

from typing import Any

from tests.standin.harness import Sandbox, Shop


def invoices(_sandbox: Sandbox, shop: Shop) -> None:
    """Invoices by hand: items of an amount and of a price, lines, finalised, paid, voided; previews."""
    api = shop.stripe.v1
    customer = shop.customer()
    subscription = shop.subscribe(customer)
    once = api.prices.create({"currency": "usd", "product": shop.product.id, "unit_amount": 5})
    for end in (api.invoices.pay, api.invoices.void_invoice):
        drafted = api.invoices.create({"customer": customer.id, "metadata": {"a": "b"}})
        api.invoice_items.create(
            {"customer": customer.id, "invoice": drafted.id, "amount": 5, "currency": "usd"}
        )
        api.invoice_items.create(
            {"customer": customer.id, "invoice": drafted.id, "pricing": {"price": once.id}, "quantity": 50}
        )
        api.invoices.finalize_invoice(drafted.id)
        api.invoices.line_items.list(drafted.id)
        end(drafted.id)
    unused = api.invoice_items.create({"customer": customer.id, "amount": 5, "currency": "usd"})
    api.invoice_items.list()
    change: Any = {
        "subscription": subscription.id,
        "subscription_details": {"items": [{"id": subscription["items"].data[0].id, "price": shop.large.id}]},
    }
    api.invoices.create_preview(change)
    api.invoices.create_preview({"subscription": subscription.id})
    api.invoice_items.delete(unused.id)


STORIES = (invoices,)
