"""Stripe in memory with what renews: drafts that are held, stopped by cancelling, or collected."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import override

from tests.fakes.stripe import FakeStripe
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus, Renewal
from tollkeeper.rules.overage import amount
from tollkeeper.rules.subscriptions import Cause, Subscription
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.port import OwnInvoice

MONTH = timedelta(days=30)


@dataclass(slots=True)
class Kept:
    """An invoice as Stripe keeps it: of a subscription's period that starts at `renews`, or for a `bill`."""

    invoice: Invoice
    customer_id: str
    subscription_id: str | None = None
    renews: datetime | None = None
    bill: str | None = None


class RenewingStripe(FakeStripe):
    """A Stripe account whose subscriptions renew, and whose invoices are paid when they are finalised.

    While `collects` is False they stay open, and while `finalises` is False no invoice can be finalised.
    `while_holding` and `while_finalising` are called before a draft is held or finalised.
    """

    def __init__(self, *subscriptions: Subscription) -> None:
        super().__init__(*subscriptions)
        self.kept: dict[str, Kept] = {}
        self.collects = True
        self.finalises = True
        self.while_holding: Callable[[], object] = lambda: None
        self.while_finalising: Callable[[], object] = lambda: None
        self._keys: set[str] = set()

    def renew_now(self, subscription_id: str) -> str:
        """Renew a subscription, whose period ends now; return the draft that comes with it."""
        at, of = next((at, each) for at, each in enumerate(self.held) if each.id == subscription_id)
        start = of.period_end
        self.held[at] = replace(of, period_start=start, period_end=start + MONTH)
        draft = Invoice(
            f"in_renewal_{len(self.kept) + 1}",
            InvoiceStatus.DRAFT,
            advances=True,
            created=start,
            finalizes_at=start + timedelta(hours=1),
        )
        self.kept[draft.id] = Kept(draft, of.customer_id, subscription_id, renews=start)
        return draft.id

    def pass_time(self, to: datetime) -> None:
        """Let time pass, in which Stripe finalises what it was told to."""
        self.now = to
        for each in list(self.kept.values()):
            invoice = each.invoice
            if invoice.is_draft and invoice.advances and invoice.finalizes_at and invoice.finalizes_at <= to:
                self._finalise(each)

    @override
    def cancel_subscription(self, subscription_id: str, cause: Cause) -> None:
        """End it, and stop what of it is not paid yet."""
        super().cancel_subscription(subscription_id, cause)
        for each in self.kept.values():
            if each.subscription_id == subscription_id:
                each.invoice = replace(each.invoice, advances=False, finalizes_at=None)

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """Return the renewal that starts at a period's end."""
        self._answer()
        found = [
            each.invoice
            for each in self.kept.values()
            if (each.subscription_id, each.renews) == (subscription_id, ended_at)
        ]
        lives = any(each.id == subscription_id and each.is_live for each in self.held)
        usable = (each for each in found if each.is_draft and each.advances)
        return Renewal(next(usable, None), is_awaited=lives and not found)

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice."""
        self._answer()
        if invoice_id not in self.kept:
            raise StripeRefusedError(f"No such invoice: {invoice_id}")
        return self.kept[invoice_id].invoice

    def own_invoices(self, customer_id: str, bill: str, since: datetime) -> list[Invoice]:
        """Return what was made for a bill."""
        self._answer()
        found = [each for each in self.kept.values() if (each.customer_id, each.bill) == (customer_id, bill)]
        return [each.invoice for each in found if each.invoice.created >= since]

    def create_invoice(self, order: OwnInvoice, key: str) -> None:
        """Make a draft that does not advance."""
        if self._is_first(key):
            name = f"in_own_{len(self.kept) + 1}"
            draft = Invoice(name, InvoiceStatus.DRAFT, advances=False, created=self.now)
            self.kept[name] = Kept(draft, order.customer_id, bill=order.bill)

    def finalize_at(self, invoice_id: str, at: datetime) -> None:
        """Set when a draft that advances is finalised."""
        self._answer()
        self.while_holding()
        each = self._open_draft(invoice_id)
        if not each.invoice.advances:
            raise StripeRefusedError("it does not advance")
        each.invoice = replace(each.invoice, finalizes_at=at)

    def add_lines(self, invoice_id: str, lines: Sequence[ChargeLine], key: str) -> None:
        """Put lines onto a draft, once under each key."""
        if self._is_first(key):
            each = self._open_draft(invoice_id)
            added = [
                InvoiceLine(
                    f"il_{line.charge_id}", line.charge_id, line.quantity, amount(line.quantity, line.price)
                )
                for line in lines
            ]
            each.invoice = replace(each.invoice, lines=(*each.invoice.lines, *added))

    def remove_lines(self, invoice_id: str, line_ids: Sequence[str]) -> None:
        """Take lines off a draft."""
        self._answer()
        each = self._open_draft(invoice_id)
        left = tuple(line for line in each.invoice.lines if line.id not in line_ids)
        each.invoice = replace(each.invoice, lines=left)

    def finalize_invoice(self, invoice_id: str) -> None:
        """Finalise a draft, which is collected then."""
        self._answer()
        self.while_finalising()
        each = self._open_draft(invoice_id)
        if not self.finalises:
            raise StripeRefusedError("the customer's address is missing")
        self._finalise(each)

    def _finalise(self, each: Kept) -> None:
        status = InvoiceStatus.PAID if self.collects else InvoiceStatus.OPEN
        each.invoice = replace(each.invoice, status=status, advances=not self.collects, finalizes_at=None)

    def _open_draft(self, invoice_id: str) -> Kept:
        each = self.kept[invoice_id]
        if not each.invoice.is_draft:
            raise StripeRefusedError("it is final")
        return each

    def _is_first(self, key: str) -> bool:
        self._answer()
        is_first = key not in self._keys
        self._keys.add(key)
        return is_first
