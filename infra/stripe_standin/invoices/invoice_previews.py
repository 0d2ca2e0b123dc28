"""Previews of what a subscription will bill (docs.stripe.com/api/invoices/create_preview)."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from stripe import Customer, Invoice, InvoiceLineItem, Subscription
from stripe.params import InvoiceCreatePreviewParams

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.errors import RefusedError, lacking
from infra.stripe_standin.invoices import billed_items, drafts, invoice_items, invoice_lines
from infra.stripe_standin.server.routes import Routes
from infra.stripe_standin.subscriptions import billing_cycle, prorations, subscription_changes
from infra.stripe_standin.subscriptions.periods import end_after

routes = Routes()


@routes.post("/v1/invoices/create_preview", InvoiceCreatePreviewParams)
def preview(account: Account, params: InvoiceCreatePreviewParams) -> Invoice:
    """What the subscription's next invoice would say, with changes and further items if given.

    See docs.stripe.com/api/invoices/create_preview.

    It keeps nothing but its lines, which can be listed in pages.
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
        lines, looked_back_on = [], (start, now)
    else:
        lines, looked_back_on = _next(account, subscription, details), (start, end)
    invoice = drafts.compose(
        account,
        customer,
        [*lines, *_further(account, subscription, customer, params)],
        reason="upcoming",
        subscription=subscription,
        period=looked_back_on,
    )
    invoice.id = f"upcoming_{invoice.id}"
    invoice.lines.url = f"/v1/invoices/{invoice.id}/lines"
    account.previews[invoice.id] = invoice
    return invoice


def _further(
    account: Account, subscription: Subscription, customer: Customer, params: Mapping[str, Any]
) -> list[InvoiceLineItem]:
    """The lines of `invoice_items`, which are new ones; they name a price where other calls say `pricing`."""
    lines = []
    for at, given in enumerate(params.get("invoice_items", [])):
        if given.keys() & {"invoiceitem", "tax_rates"}:
            raise lacking("previews of changed invoice items, and of items with tax rates of their own")
        priced = dict(given)
        if "price" in given:
            priced["pricing"] = {"price": given["price"]}
        if "unit_amount" in given:
            priced["unit_amount_decimal"] = Decimal(given["unit_amount"])
        param = f"invoice_items[{at}]"
        if given.get("currency", subscription.currency) != subscription.currency:
            raise RefusedError("The currency is not the subscription's.", param=f"{param}[currency]")
        priced["currency"] = subscription.currency
        taxed = subscription.automatic_tax.enabled
        item = billed_items.new(account, customer, priced, None, at=param, keep=False, automatic_tax=taxed)
        lines.append(invoice_lines.from_item(item))
    return lines


def _next(account: Account, subscription: Subscription, details: Mapping[str, Any]) -> list[InvoiceLineItem]:
    """Prorations of the change, if any, then what the period's end will bill.

    With `always_invoice` only the prorations: they would be invoiced at once.
    """
    end = billing_cycle.period(subscription)[1]
    now = account.now(subscription.test_clock)
    after = subscription_changes.changed_items(account, subscription, details.get("items", []))
    behavior = details.get("proration_behavior", "create_prorations")
    changed = "items" in details and behavior != "none"
    instant = details.get("proration_date", now)
    prorated = prorations.prorate(account, subscription, after, instant) if changed else []
    lines = [invoice_lines.from_item(item) for item in prorated]
    lines += invoice_items.take_pending_items(
        account, str(subscription.customer), subscription.id, subscription.currency
    )
    if behavior == "always_invoice" and "items" in details:
        return lines
    recurring = after[0].price.recurring
    if recurring and not _ends(subscription, end):
        following = end_after(subscription.billing_cycle_anchor, recurring, end)
        for item in after:
            line = invoice_lines.in_advance(account, subscription, item)
            line.period.start, line.period.end = end, following
            lines.append(line)
    return lines


def _ends(subscription: Subscription, end: int) -> bool:
    return subscription.cancel_at is not None and subscription.cancel_at <= end
