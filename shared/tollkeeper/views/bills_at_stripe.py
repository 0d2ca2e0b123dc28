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
from tollkeeper.stripe.customer_port import ShownInvoice
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.views.errors import NoUpcomingInvoiceError
from tollkeeper.views.invoices import InvoiceViews, UpcomingInvoiceView

SECONDS_KEPT = 60.0
MOST_KEPT = 1_000
"""Users at a time; the one who was read first goes first."""

MOST_INVOICES = 12


@dataclass(frozen=True, slots=True)
class BillsView:
    """A user's invoices and the one to come, as of when Stripe was asked; not known if it was away."""

    as_of: datetime
    is_known: bool
    invoices: Sequence[ShownInvoice] = ()
    has_more: bool = False
    upcoming: UpcomingInvoiceView | None = None


class BillsAtStripe:
    """Remembers what `views` said of each user. `ticks` counts seconds, whatever a sandbox's clock says."""

    def __init__(
        self, views: Callable[[], InvoiceViews], clock: Clock, ticks: Callable[[], float] = time.monotonic
    ) -> None:
        self._views = views
        self._clock = clock
        self._ticks = ticks
        self._kept: dict[str, tuple[float, BillsView]] = {}

    def of(self, user_id: str) -> BillsView:
        """Return what Stripe says of a user, or said less than a minute ago; also that it said nothing."""
        kept = self._kept.get(user_id)
        if kept and self._ticks() - kept[0] < SECONDS_KEPT:
            return kept[1]
        found = self._asked(user_id)
        self._kept.pop(user_id, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[user_id] = self._ticks(), found
        return found

    def forget(self, user_id: str) -> None:
        """Ask anew the next time, since the user has just changed something."""
        self._kept.pop(user_id, None)

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
