"""What Stripe says of a user's bills, asked at most once a minute of each user by each process.

Stripe has a read allowance, and pages are reloaded. What is kept is kept in the process's memory: it is a
copy that may be thrown away, and a row of the table would cost a write for it.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.clock import Clock
from tollkeeper.rules.invoices import Invoice
from tollkeeper.stripe.customer_port import ShownInvoice
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.views.errors import NoUpcomingInvoiceError, UnknownInvoiceError
from tollkeeper.views.explanations import StripeForExplaining
from tollkeeper.views.invoices import InvoiceViews, UpcomingInvoiceView

SECONDS_KEPT = 60.0
MOST_KEPT = 1_000
"""Answers at a time; what was asked first goes first."""

MOST_INVOICES = 12

type Ticks = Callable[[], float]
"""What counts seconds, whatever a sandbox's clock says."""


class Minute[Key, Answer]:
    """Remembers each answer for a minute."""

    def __init__(self, ticks: Ticks) -> None:
        self._ticks = ticks
        self._kept: dict[Key, tuple[float, Answer]] = {}

    def recall(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        """Return what was answered less than a minute ago, or ask."""
        kept = self._kept.get(key)
        if kept and self._ticks() - kept[0] < SECONDS_KEPT:
            return kept[1]
        answer = ask()
        self._kept.pop(key, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = self._ticks(), answer
        return answer

    def forget(self, key: Key) -> None:
        """Ask anew the next time."""
        self._kept.pop(key, None)


@dataclass(frozen=True, slots=True)
class BillsView:
    """A user's invoices and the one to come, as of when Stripe was asked; not known if it was away."""

    as_of: datetime
    is_known: bool
    invoices: Sequence[ShownInvoice] = ()
    has_more: bool = False
    upcoming: UpcomingInvoiceView | None = None

    def invoice(self, invoice_id: str) -> ShownInvoice:
        """Return one of the invoices.

        Raises:
            UnknownInvoiceError: it is not among them.
            StripeUnavailableError: nobody knows what is among them.
        """
        if not self.is_known:
            raise StripeUnavailableError
        found = next((each for each in self.invoices if each.id == invoice_id), None)
        if found is None:
            raise UnknownInvoiceError
        return found


class BillsAtStripe:
    """Remembers what `views` said of each user."""

    def __init__(
        self, views: Callable[[], InvoiceViews], clock: Clock, ticks: Ticks = time.monotonic
    ) -> None:
        self._views = views
        self._clock = clock
        self._minute = Minute[str, BillsView](ticks)

    def of(self, user_id: str) -> BillsView:
        """Return what Stripe says of a user, or said less than a minute ago; also that it said nothing."""
        return self._minute.recall(user_id, lambda: self._asked(user_id))

    def forget(self, user_id: str) -> None:
        """Ask anew the next time, since the user has just changed something."""
        self._minute.forget(user_id)

    def _asked(self, user_id: str) -> BillsView:
        now, upcoming = self._clock.now(), None
        try:
            views = self._views()
            page = views.history(user_id, MOST_INVOICES, None)
            with suppress(NoUpcomingInvoiceError):
                upcoming = views.upcoming(user_id)
        except (StripeUnavailableError, StripeFailedError, StripeRefusedError):
            return BillsView(now, is_known=False)
        return BillsView(now, True, page.invoices, page.has_more, upcoming)  # noqa: FBT003 - it is known


class InvoicesAtStripe:
    """Remembers what Stripe said of single invoices. Whoever asks has shown whose they are."""

    def __init__(self, stripe: Callable[[], StripeForExplaining], ticks: Ticks = time.monotonic) -> None:
        self._stripe = stripe
        self._invoices = Minute[str, Invoice | None](ticks)
        self._owned = Minute[tuple[str, str], bool](ticks)
        self._refunded = Minute[str, int](ticks)

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice as it is, or was less than a minute ago; None if it was deleted."""
        return self._invoices.recall(invoice_id, lambda: self._stripe().invoice(invoice_id))

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Whether an invoice is there, and this customer's."""
        owned = (invoice_id, customer_id)
        return self._owned.recall(owned, lambda: self._stripe().is_invoice_of(*owned))

    def refunded(self, invoice_id: str) -> int:
        """Return what was paid back of an invoice's payments, in cents, likewise."""
        return self._refunded.recall(invoice_id, lambda: self._stripe().refunded(invoice_id))
