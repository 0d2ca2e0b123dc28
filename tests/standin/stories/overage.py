"""Lines beside a plan, taxed, held and taken off; invoices of their own; and what is taken back of either."""

from datetime import timedelta
from typing import Any

from stripe import Customer

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)


def lines(sandbox: Sandbox, shop: Shop) -> None:
    """Lines added, changed and removed on taxed renewals that are held; one cannot be finalised."""
    api = shop.stripe.v1
    customer, other = _taxed(shop), _discounted(sandbox, shop)
    exclusive: Any = {"currency": "usd", "product": shop.product.id, "tax_behavior": "exclusive"}
    sandbox.move(START + 28 * DAY)
    for known in (customer, other):
        draft = shop.invoices(known)[-1]
        line: Any = {"price_data": {**exclusive, "unit_amount": 5}, "quantity": 11}
        api.invoices.add_lines(draft.id, {"lines": [line] * 12})
        last = api.invoices.line_items.list(draft.id, {"limit": 100}).data[-1].id
        change: Any = {"lines": [{"id": last, "quantity": 4}]}
        api.invoices.update_lines(draft.id, change)
        remove: Any = {"lines": [{"id": last, "behavior": "unassign"}]}
        api.invoices.remove_lines(draft.id, remove)
        api.invoices.update(draft.id, {"automatically_finalizes_at": int((START + 30 * DAY).timestamp())})
    api.customers.update(customer.id, {"address": ""})
    item = api.invoice_items.list({"customer": other.id, "pending": True}).data[0]
    api.invoice_items.update(item.id, {"description": "later"})
    api.tax_rates.list()
    sandbox.move(START + 31 * DAY)
    api.customers.delete_discount(other.id)


def _taxed(shop: Shop) -> Customer:
    """A subscriber with automatic tax."""
    api = shop.stripe.v1
    customer = shop.customer()
    api.customers.update(customer.id, {"address": {"country": "US", "postal_code": "94000"}})
    monthly: Any = {
        "currency": "usd",
        "product": shop.product.id,
        "recurring": {"interval": "month"},
        "tax_behavior": "exclusive",
        "unit_amount": 900,
    }
    plan = api.prices.create(monthly)
    shop.subscribe(customer, items=[{"price": plan.id}], automatic_tax={"enabled": True})
    return customer


def _discounted(sandbox: Sandbox, shop: Shop) -> Customer:
    """A subscriber with a coupon and a tax rate."""
    api = shop.stripe.v1
    rate = api.tax_rates.create({"display_name": "VAT", "inclusive": False, "percentage": 20})
    coupon = api.coupons.create({"percent_off": 10, "duration": "forever"})
    customer = shop.customer()
    sandbox.http.post(f"/_sandbox/customers/{customer.id}/discount", json={"coupon": coupon.id})
    shop.subscribe(customer, default_tax_rates=[rate.id])
    return customer


def crediting(sandbox: Sandbox, shop: Shop) -> None:
    """An invoice of its own that two collect; credit notes before and after its payment; a refund."""
    api = shop.stripe.v1
    customer = _discounted(sandbox, shop)
    rate = api.tax_rates.create({"display_name": "VAT", "inclusive": True, "percentage": 20})
    params: Any = {"customer": customer.id, "default_tax_rates": [rate.id]}
    draft = api.invoices.create(params)
    added = api.invoices.add_lines(draft.id, {"lines": [{"amount": 2000}, {"amount": 700}]})
    api.invoices.finalize_invoice(draft.id, {"auto_advance": True})
    line: Any = {"type": "invoice_line_item", "invoice_line_item": added.lines.data[1].id}
    api.credit_notes.create({"invoice": draft.id, "lines": [line]})
    api.invoices.pay(draft.id)
    sandbox.move(START + DAY)
    api.invoices.retrieve(draft.id, {"expand": ["payments.data.payment.payment_intent"]})
    note = api.credit_notes.create({"invoice": draft.id, "amount": 500, "refund_amount": 500})
    api.refunds.retrieve(str(note.refunds[0].refund))
    api.credit_notes.list({"invoice": draft.id, "expand": ["data.refunds.refund"]})


STORIES = (lines, crediting)
