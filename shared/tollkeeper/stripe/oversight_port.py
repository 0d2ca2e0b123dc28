"""What people do at Stripe that changes what is billed, as Tollkeeper asks for it (DESIGN rule 13)."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from tollkeeper.rules.invoices import Invoice


class Oversight(Protocol):
    """Asked of the whole account, so of each kind no more than the newest thousand are looked at."""

    def charged_drafts(self) -> list[Invoice]:
        """Return the drafts that have charges of this deployment on them, the newest first."""

    def coupons_for(self, products: Collection[str]) -> list[str]:
        """Return the names of the coupons that can still be used and are for one of these products."""

    def refunds_since(self, since: datetime) -> Mapping[str, int]:
        """Return what was paid back since then of invoices' payments, in cents, by the invoice.

        What a credit note paid back is among it; what failed or was cancelled is not.
        """


class Refunds(Protocol):
    """What was paid back of one invoice."""

    def refunded(self, invoice_id: str) -> int:
        """Return what was paid back of an invoice's payments, in cents, likewise."""
