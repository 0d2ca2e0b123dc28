"""What people do at Stripe that changes what is billed: drafts, coupons and refunds."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from itertools import islice

import stripe

from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.times import epoch
from tollkeeper.stripe.gateway.errors import translated
from tollkeeper.stripe.gateway.invoices import SUBSCRIPTION, InvoicesGateway

PAGE = 100
MOST = 1_000
"""Of each kind, so many are looked at."""

NOTHING_BACK = frozenset({"failed", "canceled"})
"""States of a refund of which the customer gets nothing (docs.stripe.com/api/refunds/object)."""


class OversightGateway(InvoicesGateway):
    """The port's Oversight and Refunds."""

    def charged_drafts(self) -> list[Invoice]:
        """List the account's drafts (docs.stripe.com/api/invoices/list)."""
        with translated():
            found = self._client.v1.invoices.list(
                {"status": "draft", "limit": PAGE, "expand": [f"data.{SUBSCRIPTION}"]}
            )
            drafts = [self._invoice(each) for each in islice(found.auto_paging_iter(), MOST)]
        return [each for each in drafts if each.lines]

    def coupons_for(self, products: Collection[str]) -> list[str]:
        """List coupons (docs.stripe.com/api/coupons/list), which tell what they are for only when asked."""
        with translated():
            found = self._client.v1.coupons.list({"limit": PAGE, "expand": ["data.applies_to"]})
            return [
                each.name or each.id
                for each in islice(found.auto_paging_iter(), MOST)
                if each.valid and not _products(each).isdisjoint(products)
            ]

    def refunds_since(self, since: datetime) -> Mapping[str, int]:
        """List refunds (docs.stripe.com/api/refunds/list), and of each the invoice that was paid."""
        by_invoice: Counter[str] = Counter()
        with translated():
            found = self._client.v1.refunds.list({"created": {"gte": epoch(since)}, "limit": PAGE})
            refunds = islice(found.auto_paging_iter(), MOST)
            for intent, cents in _paid_back(refunds).items():
                paid = self._client.v1.invoice_payments.list(
                    {"payment": {"type": "payment_intent", "payment_intent": intent}}
                )
                for payment in paid.data[:1]:
                    by_invoice[str(payment.invoice)] += cents
        return by_invoice

    def refunded(self, invoice_id: str) -> int:
        """List an invoice's payments (docs.stripe.com/api/invoice-payment/list), and the refunds of each."""
        with translated():
            payments = self._client.v1.invoice_payments.list({"invoice": invoice_id, "limit": PAGE}).data
            intents = [str(each.payment.payment_intent) for each in payments if _is_of_intent(each)]
            return sum(
                _paid_back(self._client.v1.refunds.list({"payment_intent": each, "limit": PAGE}).data).total()
                for each in intents
            )


def _products(coupon: stripe.Coupon) -> frozenset[str]:
    """Return the products that a coupon is for; none where it is for all, and the field left out."""
    applies_to = getattr(coupon, "applies_to", None)
    return frozenset(applies_to.products) if applies_to else frozenset()


def _paid_back(refunds: Iterable[stripe.Refund]) -> Counter[str]:
    """Return what was paid back, by the payment intent that was paid."""
    cents: Counter[str] = Counter()
    for each in refunds:
        if each.payment_intent and each.status not in NOTHING_BACK:
            cents[str(each.payment_intent)] += each.amount
    return cents


def _is_of_intent(payment: stripe.InvoicePayment) -> bool:
    return payment.payment.type == "payment_intent"
