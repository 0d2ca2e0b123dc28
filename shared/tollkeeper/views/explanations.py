"""Why a user was charged: an invoice's overage lines, their charges, and the records behind them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from tollkeeper.catalogue import Catalogue
from tollkeeper.clock import Clock
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History, UnknownCursorError
from tollkeeper.ledger.users import Users
from tollkeeper.rules.bills import Bill
from tollkeeper.rules.charges import Charge
from tollkeeper.rules.invoices import Invoice, InvoiceLine, InvoiceStatus
from tollkeeper.rules.reconciling import decisions
from tollkeeper.stripe.charge_lines import charge_line
from tollkeeper.stripe.oversight_port import Refunds
from tollkeeper.views.errors import UnknownInvoiceError
from tollkeeper.views.reader import ForeignCursorError
from tollkeeper.views.record_tables import RecordTable, record_table
from tollkeeper.views.records import RecordsView, RecordView, shown


class StripeForExplaining(Refunds, Protocol):
    """What explaining asks of Stripe."""

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice as it is now; None if it was deleted."""

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Whether an invoice is there, and this customer's."""


@dataclass(frozen=True, slots=True)
class InvoicedView:
    """What an invoice says of a charge; `amount` in cents before discounts and tax."""

    quantity: int
    amount: int


@dataclass(frozen=True, slots=True)
class ChargeView:
    """How a charge came about: `incurred + max(0, used − incurred − included) − capped`, at `price` each.

    `price` is in cents, `amount` in whole cents. `included` is -1 where the plan is unlimited, `incurred`
    what was over the limit before an upgrade, `capped` what the spending cap keeps from being billed.
    `invoiced` is its line, None where there is none, and `waived` says that a person took it off.
    """

    event_type: str
    description: str
    used: int
    included: int
    incurred: int
    capped: int
    quantity: int
    price: Decimal
    amount: int
    waived: bool
    invoiced: InvoicedView | None


@dataclass(frozen=True, slots=True)
class ExplanationView:
    """An invoice's overage, and some of the records that its period counted of what was charged.

    `status` is Stripe's word. Where an invoice has no overage, there is no period and nothing else.
    `decisions` is what people did about it, in words.
    """

    invoice_id: str
    status: str
    period_start: datetime | None
    period_end: datetime | None
    plan_tier: str | None
    charges: Sequence[ChargeView]
    decisions: Sequence[str]
    records: Sequence[RecordView]
    cursor: str | None


@dataclass(frozen=True, slots=True)
class Explanations:
    """Explains users their invoices."""

    users: Users
    bills: Bills
    closing: Closing
    history: History
    stripe: StripeForExplaining
    catalogue: Catalogue
    clock: Clock

    def explain(self, user_id: str, invoice_id: str, cursor: str | None) -> ExplanationView:
        """Return an invoice of the user's with a part of the records behind it.

        Raises:
            UnknownInvoiceError: it is not theirs.
            ForeignCursorError: the cursor was not given for this invoice.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """
        period_id, bill = self._bill(user_id, invoice_id)
        invoice = self.stripe.invoice(invoice_id)
        status = invoice.status.value if invoice else "deleted"
        if period_id is None or bill is None:
            return ExplanationView(invoice_id, status, None, None, None, [], [], [], None)
        records, following = self._records(user_id, period_id, bill, cursor)
        period = self.closing.read(user_id, period_id).period
        return ExplanationView(
            invoice_id=invoice_id,
            status=status,
            period_start=bill.period_start,
            period_end=bill.period_end,
            plan_tier=period.terms.plan if period else None,
            charges=[self._charge(bill, each, invoice) for each in bill.charges or ()],
            decisions=[*self._decisions(bill, invoice)],
            records=records,
            cursor=following,
        )

    def table(self, user_id: str, invoice_id: str, cursor: str | None) -> RecordTable:
        """Return the records alone as a table: all of them, or as many as one answer holds.

        Raises:
            UnknownInvoiceError, ForeignCursorError, StripeUnavailableError: as `explain` does.
        """
        period_id, bill = self._bill(user_id, invoice_id)

        def read(from_cursor: str | None) -> RecordsView:
            if period_id is None or bill is None:
                return RecordsView([], None)
            return RecordsView(*self._records(user_id, period_id, bill, from_cursor))

        return record_table(read, cursor)

    def _decisions(self, bill: Bill, invoice: Invoice | None) -> Iterator[str]:
        if invoice is None:
            return decisions(bill, [])
        paid_back = self.stripe.refunded(invoice.id) if invoice.status is InvoiceStatus.PAID else 0
        return decisions(bill, [invoice], {invoice.id: paid_back})

    def _bill(self, user_id: str, invoice_id: str) -> tuple[str, Bill] | tuple[None, None]:
        """Return the bill that is on an invoice, which stands among the user's own rows."""
        found = self.bills.on(user_id, invoice_id)
        if found:
            return found
        customer_id = self.users.read(user_id, self.clock.now()).customer_id
        if customer_id is None or not self.stripe.is_invoice_of(invoice_id, customer_id):
            raise UnknownInvoiceError
        return None, None

    def _records(
        self, user_id: str, period_id: str, bill: Bill, cursor: str | None
    ) -> tuple[list[RecordView], str | None]:
        try:
            part = self.history.behind(user_id, period_id, cursor)
        except UnknownCursorError as error:
            raise ForeignCursorError from error
        charged = {each.metric for each in bill.charges or ()}
        return [shown(each) for each in part.entries if each.line.metric in charged], part.cursor

    def _charge(self, bill: Bill, charge: Charge, invoice: Invoice | None) -> ChargeView:
        line = next(_lines(charge, invoice), None)
        bounds = bill.period_start, bill.period_end
        return ChargeView(
            event_type=charge.metric,
            description=charge_line(charge, bill.user_id, *bounds, self.catalogue).description,
            used=charge.used,
            included=charge.included,
            incurred=charge.incurred,
            capped=charge.capped,
            quantity=charge.quantity,
            price=charge.price,
            amount=charge.amount,
            waived=charge.id in bill.waived,
            invoiced=InvoicedView(line.quantity, line.amount) if line else None,
        )


def _lines(charge: Charge, invoice: Invoice | None) -> Iterator[InvoiceLine]:
    return (each for each in (invoice.lines if invoice else ()) if each.charge_id == charge.id)
