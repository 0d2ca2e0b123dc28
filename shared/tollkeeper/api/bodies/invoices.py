"""A user's invoices, and the one that is to come."""

from datetime import datetime

from tollkeeper.api.bodies.model import Body
from tollkeeper.stripe.customer_port import LineKind


class InvoiceLineOut(Body):
    """A line of an invoice, in cents before discounts and tax; `eventType` is the metric of overage."""

    description: str
    quantity: int | None
    amount: int
    kind: LineKind
    event_type: str | None
    period_start: datetime
    period_end: datetime


class InvoiceOut(Body):
    """An invoice, in cents; `status` is Stripe's word. A draft has no number and no pages, and may change.

    A renewal's `periodStart` and `periodEnd` are those of the period that it closes.
    """

    id: str
    number: str | None
    status: str
    created: datetime
    period_start: datetime
    period_end: datetime
    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    amount_paid: int
    hosted_invoice_url: str | None
    invoice_pdf: str | None
    lines: list[InvoiceLineOut]


class InvoicesOut(Body):
    """Some invoices, the newest first, and whether older ones follow: ask after the last one's id."""

    invoices: list[InvoiceOut]
    has_more: bool


class UpcomingInvoiceOut(Body):
    """The bill that is to come at `at`, if nothing more happened, in cents.

    `base`, `prorations`, `overage` and `other` add up to the lines. `offByCap` is how much more overage there
    is that the spending cap keeps off the bill.
    """

    at: datetime
    currency: str
    base: int
    prorations: int
    overage: int
    other: int
    off_by_cap: int
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    lines: list[InvoiceLineOut]
