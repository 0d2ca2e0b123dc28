"""What customers see of Stripe themselves: its portal, and their invoices. A part of the port.

Every call raises what the port's calls raise (`tollkeeper.stripe.port`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tollkeeper.stripe.charge_lines import ChargeLine

PORTAL_MARK = ("tollkeeper", "portal")
"""Key and value in the metadata of the portal's configuration, by which it is found again."""


class PortalFlow(StrEnum):
    """What the portal can be opened at, in Stripe's word."""

    PAYMENT_METHOD_UPDATE = "payment_method_update"


class LineKind(StrEnum):
    """What a line of an invoice is for."""

    BASE = "base"
    """A plan's price for a period."""
    PRORATION = "proration"
    """What a change of plan in the middle of a period costs or brings back."""
    OVERAGE = "overage"
    """A charge of ours: usage beyond a limit."""
    OTHER = "other"
    """What people put there at Stripe."""


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line of an invoice as its customer sees it; `amount` in cents before discounts and tax.

    `event_type` is the metric of a charge of ours.
    """

    description: str
    quantity: int | None
    amount: int
    kind: LineKind
    event_type: str | None
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True)
class ShownInvoice:
    """An invoice as its customer sees it; amounts in cents, `status` in Stripe's word.

    `period_start` and `period_end` are Stripe's: a renewal's look back on the period that it closes. A draft
    has no number and no pages yet, and may still change.
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
    lines: Sequence[ShownLine]


@dataclass(frozen=True, slots=True)
class InvoicePage:
    """Some of a customer's invoices, the newest first, and whether older ones follow."""

    invoices: Sequence[ShownInvoice]
    has_more: bool


@dataclass(frozen=True, slots=True)
class UpcomingInvoice:
    """A bill that is to come, as it would be if nothing more happened; amounts in cents."""

    currency: str
    subtotal: int
    discount: int
    tax: int
    total: int
    amount_due: int
    lines: Sequence[ShownLine]


class PortalSessions(Protocol):
    """The pages on which customers look after cards, addresses and invoices."""

    def create_portal_session(self, customer_id: str, return_url: str, flow: PortalFlow | None) -> str:
        """Return the address of a portal for a customer, which is good for some minutes.

        Customers can change there what they pay with and where they live, see their invoices, and cancel at
        the period's end; not change plans.
        """


class InvoiceHistory(Protocol):
    """Customers' invoices, as they see them."""

    def invoices_of(self, customer_id: str, limit: int, starting_after: str | None) -> InvoicePage | None:
        """Return up to `limit` of a customer's invoices, the newest first, those older than one of them.

        None where `starting_after` is not an invoice of this customer's, whether it is anybody's or not.
        """

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Whether an invoice is there, and this customer's."""

    def upcoming_invoice(self, subscription_id: str, charges: Sequence[ChargeLine]) -> UpcomingInvoice | None:
        """Return a subscription's next bill if these charges were on it; None if none is to come.

        It changes nothing.
        """
