"""Invoices made by the caller rather than by a subscription, and previews.

See docs.stripe.com/invoicing/integration.
"""

from collections.abc import Mapping
from typing import Any

from stripe import Customer, Invoice, InvoiceItem, InvoiceLineItem, Subscription
from stripe.params import (
    InvoiceCreateParams,
    InvoiceCreatePreviewParams,
    InvoiceDeleteParams,
    InvoiceMarkUncollectibleParams,
)

from infra.stripe_standin.account.shapes import deleted
from infra.stripe_standin.account.state import Account, metadata
from infra.stripe_standin.customers import customers
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import invoice_lines, invoicing
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import billing_cycle, prorations, subscription_changes
from infra.stripe_standin.subscriptions.periods import end_after

routes = Routes()


@routes.post("/v1/invoices", InvoiceCreateParams)
def create(account: Account, params: InvoiceCreateParams) -> Invoice:
    """Create a draft, empty unless told to take pending items (docs.stripe.com/api/invoices/create)."""
    if "customer" not in params:
        raise RefusedError("Missing required param: customer.", code="parameter_missing", param="customer")
    if params.get("collection_method", "charge_automatically") != "charge_automatically":
        raise lacking("invoices sent by mail")
    customer = customers.living(account, params["customer"])
    subscription = account.get(Subscription, params["subscription"]) if "subscription" in params else None
    lines: list[InvoiceLineItem] = []
    if params.get("pending_invoice_items_behavior") == "include":
        lines = invoicing.take_pending_items(
            account, customer.id, subscription.id if subscription else None, params.get("currency", "usd")
        )
    invoice = invoicing.draft(
        account,
        customer,
        lines,
        reason="manual",
        subscription=subscription,
        auto_advance=params.get("auto_advance", False),
    )
    if "automatically_finalizes_at" in params:
        invoice.automatically_finalizes_at, invoice.auto_advance = params["automatically_finalizes_at"], True
    invoice.default_payment_method = params.get("default_payment_method")
    invoice.description = params.get("description")
    invoice.metadata = metadata(params.get("metadata"))
    invoicing.bind_items(account, invoice)
    return invoice


@routes.delete("/v1/invoices/{invoice}", InvoiceDeleteParams)
def delete(account: Account, _params: InvoiceDeleteParams, invoice: str) -> Invoice:
    """Delete a draft that no subscription made (docs.stripe.com/api/invoices/delete)."""
    known = account.get(Invoice, invoice)
    if known.status != "draft" or invoicing.subscription_of(account, known):
        raise RefusedError("You can only delete one-off draft invoices.", code="invoice_not_editable")
    for item in account.all(InvoiceItem):
        if item.invoice == known.id:
            account.forget(item)
    account.forget(known)
    account.emit("invoice.deleted", known)
    return deleted(Invoice, invoice)


@routes.post("/v1/invoices/{invoice}/mark_uncollectible", InvoiceMarkUncollectibleParams)
def mark_uncollectible(account: Account, _params: InvoiceMarkUncollectibleParams, invoice: str) -> Invoice:
    """Write an open invoice off (docs.stripe.com/api/invoices/mark_uncollectible)."""
    known = account.get(Invoice, invoice)
    if known.status != "open":
        raise RefusedError("Only an open invoice can be uncollectible.", code="invoice_not_editable")
    known.status, known.auto_advance, known.next_payment_attempt = "uncollectible", False, None
    known.status_transitions.marked_uncollectible_at = account.now(known.test_clock)
    account.emit("invoice.marked_uncollectible", known)
    return known


@routes.post("/v1/invoices/create_preview", InvoiceCreatePreviewParams)
def preview(account: Account, params: InvoiceCreatePreviewParams) -> Invoice:
    """What the subscription's next invoice would say, with changes if given.

    See docs.stripe.com/api/invoices/create_preview.

    It shows the usage counted by now and keeps nothing.
    """
    if "subscription" not in params:
        raise lacking("previews without a subscription")
    subscription = account.get(Subscription, params["subscription"], "subscription")
    details: Mapping[str, Any] = params.get("subscription_details", {})
    if unsupported := details.keys() - {"items", "proration_behavior", "proration_date", "cancel_now"}:
        raise lacking(f"previews with subscription_details[{min(unsupported)}]")
    if subscription.ended_at:
        raise RefusedError("The subscription is canceled.", code="invoice_upcoming_none")
    customer = account.get(Customer, str(subscription.customer))
    start, end = billing_cycle.period(subscription)
    now = account.now(subscription.test_clock)
    if details.get("cancel_now"):
        lines, looked_back_on = _arrears(account, subscription, start, now), (start, now)
    else:
        lines, looked_back_on = _next(account, subscription, details), (start, end)
    invoice = invoicing.compose(
        account,
        customer,
        lines,
        reason="upcoming",
        subscription=subscription,
        period=looked_back_on,
    )
    invoice.id = f"upcoming_{invoice.id}"
    return invoice


def _next(account: Account, subscription: Subscription, details: Mapping[str, Any]) -> list[InvoiceLineItem]:
    """Prorations of the change, if any, then what the period's end will bill.

    With `always_invoice` only the prorations: they would be invoiced at once.
    """
    start, end = billing_cycle.period(subscription)
    now = account.now(subscription.test_clock)
    after = subscription_changes.changed_items(account, subscription, details.get("items", []))
    behavior = details.get("proration_behavior", "create_prorations")
    changed = "items" in details and behavior != "none"
    instant = details.get("proration_date", now)
    prorated = prorations.prorate(account, subscription, after, instant) if changed else []
    lines = [invoice_lines.from_item(item) for item in prorated]
    lines += invoicing.take_pending_items(
        account, str(subscription.customer), subscription.id, subscription.currency
    )
    if behavior == "always_invoice" and "items" in details:
        return lines
    recurring = after[0].price.recurring
    if recurring and not _ends(subscription, end):
        following = end_after(subscription.billing_cycle_anchor, recurring, end)
        for item in billing_cycle.licensed(after):
            line = invoice_lines.in_advance(account, subscription, item)
            line.period.start, line.period.end = end, following
            lines.append(line)
    return [*lines, *_arrears(account, subscription, start, end)]


def _arrears(account: Account, subscription: Subscription, start: int, end: int) -> list[InvoiceLineItem]:
    if subscription.status == "trialing":
        return []
    return billing_cycle.usage_lines(account, subscription, start, end)


def _ends(subscription: Subscription, end: int) -> bool:
    return subscription.cancel_at is not None and subscription.cancel_at <= end
