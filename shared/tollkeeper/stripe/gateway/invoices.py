"""Invoices (docs.stripe.com/api/invoices), and the lines that overage is charged by."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import batched
from typing import TYPE_CHECKING

import stripe

from tollkeeper.catalogue import overage_name
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus, Renewal
from tollkeeper.rules.subscriptions import Status
from tollkeeper.rules.times import epoch, from_epoch
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.gateway.connection import Connection
from tollkeeper.stripe.gateway.errors import keyed, translated
from tollkeeper.stripe.gateway.prices import MOST_LOOKUP_KEYS
from tollkeeper.stripe.port import OwnInvoice

if TYPE_CHECKING:
    from stripe.params import InvoiceAddLinesParamsLine, InvoiceCreateParams

RENEWED = frozenset({Status.ACTIVE, Status.PAST_DUE, Status.TRIALING})
"""States in which a subscription's renewals are collected."""

DAYS_UNTIL_DUE = 30
"""What a customer who is sent invoices is given to pay one, if their subscription does not say."""

SUBSCRIPTION = "parent.subscription_details.subscription"


class InvoicesGateway(Connection):
    """The port's Invoices."""

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """List a subscription's invoices since a period's end, and look for the one that starts there.

        It is listed with its subscription. What is created at that end bears a time of it or later.
        """
        with translated():
            try:
                found = self._client.v1.invoices.list(
                    {
                        "subscription": subscription_id,
                        "created": {"gte": epoch(ended_at)},
                        "limit": 100,
                        "expand": [f"data.{SUBSCRIPTION}"],
                    }
                )
                renewals = [each for each in found.auto_paging_iter() if self._starts_at(each, ended_at)]
                if not renewals:
                    subscription = self._client.v1.subscriptions.retrieve(subscription_id)
                    return Renewal(is_awaited=_is_collected(subscription))
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return Renewal()  # it went with its customer
            usable = (each for each in renewals if _may_take_lines(each))
            draft = min(usable, key=lambda each: each.created, default=None)
            others = (self._invoice(each) for each in renewals if not _may_take_lines(each))
            charged = next((each for each in others if each.lines), None)
            return Renewal(draft=self._invoice(draft) if draft else None, charged=charged)

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Retrieve an invoice, and the lines that do not come with it."""
        with translated():
            try:
                found = self._client.v1.invoices.retrieve(invoice_id, {"expand": [SUBSCRIPTION]})
                return None if getattr(found, "deleted", False) else self._invoice(found)
            except stripe.InvalidRequestError as error:
                if error.code != "resource_missing":
                    raise
                return None

    def invoices_since(self, customer_id: str, since: datetime) -> list[Invoice]:
        """List a customer's invoices since then, with all their lines."""
        with translated():
            found = self._client.v1.invoices.list(
                {"customer": customer_id, "created": {"gte": epoch(since)}, "limit": 100}
            )
            return [self._invoice(each) for each in found.auto_paging_iter()]

    def own_invoices(self, customer_id: str, bill: str, since: datetime) -> list[Invoice]:
        """List a customer's invoices since then: the list is consistent at once, the search is not."""
        with translated():
            found = self._client.v1.invoices.list(
                {"customer": customer_id, "created": {"gte": epoch(since)}, "limit": 100}
            )
            own = [self._invoice(each) for each in found.auto_paging_iter() if self._is_for(each, bill)]
        return sorted(own, key=lambda each: (each.created, each.id))

    def create_invoice(self, order: OwnInvoice, key: str) -> None:
        """Create an invoice with what the subscription's have, which Stripe does not do by itself."""
        with translated():
            subscription = self._client.v1.subscriptions.retrieve(
                order.subscription_id, {"expand": ["default_payment_method"]}
            )
        with keyed():
            self._client.v1.invoices.create(
                {
                    "customer": order.customer_id,
                    "currency": subscription.currency,
                    "auto_advance": False,
                    "description": order.description,
                    "discounts": "",
                    "pending_invoice_items_behavior": "exclude",
                    "metadata": {
                        "bill": order.bill,
                        "userId": order.user_id,
                        "deployment": self._deployment,
                    },
                    **_collected_like(subscription),
                    **_taxed_like(subscription),
                },
                {"idempotency_key": key, "max_network_retries": 0},
            )

    def finalize_at(self, invoice_id: str, at: datetime) -> None:
        """Set the time at which a draft is finalised, which nothing else puts off."""
        with translated():
            self._client.v1.invoices.update(invoice_id, {"automatically_finalizes_at": epoch(at)})

    def add_lines(self, invoice_id: str, lines: Sequence[ChargeLine], key: str) -> None:
        """Add lines at the catalogue's prices where those are what is asked, else at prices of their own."""
        prices = self._sold_at([overage_name(each.metric) for each in lines])
        try:
            with keyed():
                self._client.v1.invoices.add_lines(
                    invoice_id,
                    {"lines": [self._line(each, prices.get(overage_name(each.metric))) for each in lines]},
                    {"idempotency_key": key, "max_network_retries": 0},
                )
        except StripeRefusedError:
            self._overage_prices.clear()  # perhaps one of them is sold no more
            raise

    def remove_lines(self, invoice_id: str, line_ids: Sequence[str]) -> None:
        """Remove lines and delete their items: unassigned, they would wait for the next invoice."""
        with translated():
            self._client.v1.invoices.remove_lines(
                invoice_id, {"lines": [{"id": each, "behavior": "delete"} for each in line_ids]}
            )

    def finalize_invoice(self, invoice_id: str) -> None:
        """Finalise an invoice and have Stripe advance it; nobody pays it beside that."""
        with translated():
            self._client.v1.invoices.finalize_invoice(invoice_id, {"auto_advance": True})

    def _starts_at(self, invoice: stripe.Invoice, start: datetime) -> bool:
        """Whether an invoice has a subscription's base line, no proration, that starts there."""
        return any(
            line.parent is not None
            and line.parent.type == "subscription_item_details"
            and line.parent.subscription_item_details is not None
            and not line.parent.subscription_item_details.proration
            and line.period.start == epoch(start)
            for line in self._all_lines(invoice)
        )

    def _all_lines(self, invoice: stripe.Invoice) -> Iterator[stripe.InvoiceLineItem]:
        if not invoice.lines.has_more:
            return iter(invoice.lines.data)
        return self._client.v1.invoices.line_items.list(invoice.id, {"limit": 100}).auto_paging_iter()

    def _invoice(self, of: stripe.Invoice) -> Invoice:
        lines = [
            InvoiceLine(
                id=line.id,
                charge_id=charge_id,
                quantity=line.quantity or 0,
                amount=line.amount,
                discount=_discount(line),
                discountable=line.discountable,
            )
            for line in self._all_lines(of)
            if (charge_id := self._charge_id(line))
        ]
        return Invoice(
            id=of.id,
            status=InvoiceStatus(str(of.status)),
            advances=bool(of.auto_advance) and not _is_paused(of),
            created=from_epoch(of.created),
            finalizes_at=from_epoch(of.automatically_finalizes_at) if of.automatically_finalizes_at else None,
            lines=tuple(lines),
            credited=of.pre_payment_credit_notes_amount + of.post_payment_credit_notes_amount,
        )

    def _charge_id(self, line: stripe.InvoiceLineItem) -> str | None:
        noted = line.metadata.to_dict() if line.metadata else {}
        return noted.get("charge") if noted.get("deployment") == self._deployment else None

    def _is_for(self, invoice: stripe.Invoice, bill: str) -> bool:
        noted = invoice.metadata.to_dict() if invoice.metadata else {}
        return noted.get("bill") == bill

    def _sold_at(self, lookup_keys: Sequence[str]) -> Mapping[str, stripe.Price]:
        """Return the active prices with these lookup keys, those of them that there are."""
        unknown = [each for each in lookup_keys if each not in self._overage_prices]
        for some in batched(unknown, MOST_LOOKUP_KEYS, strict=False):
            with translated():
                found = self._client.v1.prices.list({"lookup_keys": list(some), "active": True})
            self._overage_prices |= {str(each.lookup_key): each for each in found.data}
        return self._overage_prices

    def _line(self, of: ChargeLine, price: stripe.Price | None) -> "InvoiceAddLinesParamsLine":
        line: InvoiceAddLinesParamsLine = {
            "quantity": of.quantity,
            "period": {"start": epoch(of.period_start), "end": epoch(of.period_end)},
            "description": of.description,
            "discountable": False,
            "metadata": {
                "charge": of.charge_id,
                "eventType": of.metric,
                "userId": of.user_id,
                "deployment": self._deployment,
            },
        }
        if price and price.unit_amount_decimal == of.price:
            line["pricing"] = {"price": price.id}
        else:
            line["price_data"] = {
                "currency": self._catalogue.currency,
                "product": overage_name(of.metric),
                "unit_amount_decimal": of.price,
                "tax_behavior": self._catalogue.tax_behavior,
            }
        return line


def _discount(line: stripe.InvoiceLineItem) -> int:
    return sum(each.amount for each in line.discount_amounts or ())


def _may_take_lines(invoice: stripe.Invoice) -> bool:
    """Whether a renewal is a draft that Stripe will finalise and collect by itself."""
    return invoice.status == InvoiceStatus.DRAFT and bool(invoice.auto_advance) and not _is_paused(invoice)


def _is_paused(invoice: stripe.Invoice) -> bool:
    """Whether the collection of an invoice's subscription is paused, as far as it came with the invoice.

    Where invoices are voided or given up meanwhile, their drafts go on by themselves, to no payment.
    """
    details = invoice.parent.subscription_details if invoice.parent else None
    subscription = details.subscription if details else None
    return isinstance(subscription, stripe.Subscription) and subscription.pause_collection is not None


def _is_collected(subscription: stripe.Subscription) -> bool:
    """Whether a subscription's next invoice will be finalised and collected."""
    return subscription.status in RENEWED and subscription.pause_collection is None


def _collected_like(subscription: stripe.Subscription) -> "InvoiceCreateParams":
    """Return how a subscription's invoices are collected: by its own payment method, if it has one still."""
    if subscription.collection_method == "send_invoice":
        return {
            "collection_method": "send_invoice",
            "days_until_due": subscription.days_until_due or DAYS_UNTIL_DUE,
        }
    method = subscription.default_payment_method
    if isinstance(method, stripe.PaymentMethod) and method.customer is not None:
        return {"collection_method": "charge_automatically", "default_payment_method": method.id}
    return {"collection_method": "charge_automatically"}


def _taxed_like(subscription: stripe.Subscription) -> "InvoiceCreateParams":
    if subscription.automatic_tax.enabled:
        return {"automatic_tax": {"enabled": True}}
    rates = getattr(subscription, "default_tax_rates", None) or ()  # Stripe leaves out what there is none of
    return {"default_tax_rates": [each.id for each in rates]}
