"""Stripe's invoices, as far as charging overage must know them (DESIGN rules 11 and 12)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class InvoiceStatus(StrEnum):
    """Stripe's own words for the state of an invoice."""

    DRAFT = "draft"
    OPEN = "open"
    PAID = "paid"
    UNCOLLECTIBLE = "uncollectible"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """A line that is a charge of ours, as its metadata says; `amount` in cents before discounts and tax.

    `discount` is what a coupon takes off it, in cents; `discountable` that one may.
    """

    id: str
    charge_id: str
    quantity: int
    amount: int
    discount: int = 0
    discountable: bool = False


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as Stripe has it now, with those of its lines that are charges of this deployment's.

    `advances` says that Stripe finalises and collects it by itself, `finalizes_at` when. A subscription's
    draft that does not is stopped: it was cancelled, is unpaid, or its collection is paused. `credited` is
    what people's credit notes take off it, in cents.
    """

    id: str
    status: InvoiceStatus
    advances: bool
    created: datetime
    finalizes_at: datetime | None = None
    lines: tuple[InvoiceLine, ...] = ()
    credited: int = 0

    @property
    def is_draft(self) -> bool:
        """Whether lines can still be put onto it."""
        return self.status is InvoiceStatus.DRAFT

    @property
    def by_charge(self) -> Mapping[str, list[InvoiceLine]]:
        """The lines by the charges that they are of: one each, unless something is wrong."""
        found: dict[str, list[InvoiceLine]] = {}
        for line in self.lines:
            found.setdefault(line.charge_id, []).append(line)
        return found


@dataclass(frozen=True, slots=True)
class Renewal:
    """The invoice that renews a subscription where a period ended, as Stripe has it now.

    `draft` is it while charges can go onto it: a draft of a live subscription that Stripe will finalise and
    collect. If there is none, `is_awaited` says that one may still come. `charged` is it where charges can go
    onto it no more, and lines of ours stand on it all the same: a ledger that was restored does not know.
    """

    draft: Invoice | None = None
    is_awaited: bool = False
    charged: Invoice | None = None
