"""Invoices as their customers see them (docs.stripe.com/api/invoices), past ones and the one to come."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import stripe

from tollkeeper.catalogue import overage_name
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import (
    InvoicePage,
    LineKind,
    ShownInvoice,
    ShownLine,
    UpcomingInvoice,
)
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.gateway.invoices import InvoicesGateway

if TYPE_CHECKING:
    from stripe.params import InvoiceCreatePreviewParamsInvoiceItem, InvoiceListParams


class InvoiceHistoryGateway(InvoicesGateway):
    """The port's InvoiceHistory, beside its Invoices."""

    def invoices_of(self, customer_id: str, limit: int, starting_after: str | None) -> InvoicePage | None:
        """List a customer's invoices.

        What a list does that begins after an object it does not hold, Stripe does not say: so that is looked
        at first.
        """
        which: InvoiceListParams = {"customer": customer_id, "limit": limit}
        with translated():
            if starting_after is not None:
                if not self.is_invoice_of(starting_after, customer_id):
                    return None
                which["starting_after"] = starting_after
            found = self._client.v1.invoices.list(which)
            return InvoicePage([self._shown(each) for each in found.data], found.has_more)

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Retrieve an invoice, and see whose it is."""
        with translated():
            try:
                found = self._client.v1.invoices.retrieve(invoice_id)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return False
            return getattr(found, "customer", None) == customer_id

    def upcoming_invoice(self, subscription_id: str, charges: Sequence[ChargeLine]) -> UpcomingInvoice | None:
        """Preview a subscription's next invoice, with charges as further items priced like their lines."""
        try:
            return self._preview(subscription_id, charges)
        except StripeRefusedError:
            self._overage_prices.clear()  # perhaps one of them is sold no more
            return self._preview(subscription_id, charges)

    def _preview(self, subscription_id: str, charges: Sequence[ChargeLine]) -> UpcomingInvoice | None:
        prices = self._sold_at([overage_name(each.metric) for each in charges])
        items = [self._item(each, prices.get(overage_name(each.metric))) for each in charges]
        with translated():
            try:
                found = self._client.v1.invoices.create_preview(
                    {"subscription": subscription_id, "invoice_items": items}
                )
                return self._upcoming(found)
            except stripe.InvalidRequestError as error:
                if not _says_that_none_is_to_come(error):
                    raise
                return None

    def _item(self, of: ChargeLine, price: stripe.Price | None) -> "InvoiceCreatePreviewParamsInvoiceItem":
        """Return an item of a preview like the line that is added to a draft, which is spelled otherwise."""
        line = self._line(of, price)
        item: InvoiceCreatePreviewParamsInvoiceItem = {
            "quantity": of.quantity,
            "period": {"start": epoch(of.period_start), "end": epoch(of.period_end)},
            "description": of.description,
            "discountable": False,
            "metadata": line["metadata"],
        }
        if "pricing" in line:
            item["price"] = line["pricing"]["price"]
        else:
            item["price_data"] = {
                "currency": self._catalogue.currency,
                "product": overage_name(of.metric),
                "unit_amount_decimal": of.price,
                "tax_behavior": self._catalogue.tax_behavior,
            }
        return item

    def _upcoming(self, of: stripe.Invoice) -> UpcomingInvoice:
        return UpcomingInvoice(
            currency=of.currency,
            subtotal=of.subtotal,
            discount=_sum(of.total_discount_amounts),
            tax=_sum(of.total_taxes),
            total=of.total,
            amount_due=of.amount_due,
            # What it has no id for, Stripe lists at an address that stands in the answer.
            lines=[self._shown_line(each) for each in of.lines.auto_paging_iter()],
        )

    def _shown(self, of: stripe.Invoice) -> ShownInvoice:
        return ShownInvoice(
            id=of.id,
            number=of.number,
            status=str(of.status),
            created=from_epoch(of.created),
            period_start=from_epoch(of.period_start),
            period_end=from_epoch(of.period_end),
            currency=of.currency,
            subtotal=of.subtotal,
            discount=_sum(of.total_discount_amounts),
            tax=_sum(of.total_taxes),
            total=of.total,
            amount_due=of.amount_due,
            amount_paid=of.amount_paid,
            hosted_invoice_url=getattr(of, "hosted_invoice_url", None),
            invoice_pdf=getattr(of, "invoice_pdf", None),
            lines=[self._shown_line(each) for each in self._all_lines(of)],
        )

    def _shown_line(self, of: stripe.InvoiceLineItem) -> ShownLine:
        is_charge = self._charge_id(of) is not None
        return ShownLine(
            description=of.description or "",
            quantity=of.quantity,
            amount=of.amount,
            kind=LineKind.OVERAGE if is_charge else _kind(of),
            event_type=of.metadata.to_dict().get("eventType") if is_charge else None,
            period_start=from_epoch(of.period.start),
            period_end=from_epoch(of.period.end),
        )


def _kind(line: stripe.InvoiceLineItem) -> LineKind:
    """Return what a line is for, by what it came from; a change's proration may be an item of its own."""
    parent = line.parent
    of_subscription = parent.subscription_item_details if parent else None
    of_item = parent.invoice_item_details if parent else None
    if (of_subscription and of_subscription.proration) or (of_item and of_item.proration):
        return LineKind.PRORATION
    return LineKind.BASE if of_subscription else LineKind.OTHER


def _sum(parts: Iterable[stripe.Invoice.TotalTax | stripe.Invoice.TotalDiscountAmount] | None) -> int:
    return sum(each.amount for each in parts or ())


def _says_that_none_is_to_come(error: stripe.InvalidRequestError) -> bool:
    """Whether a subscription has no next invoice: it has ended, or is gone."""
    gone = error.code == "resource_missing" and error.param == "subscription"
    return gone or error.code == "invoice_upcoming_none"
