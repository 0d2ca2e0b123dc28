"""What Stripe says of a user's bills, asked at most once a minute for each user, whoever looks where.

Stripe has a read allowance, and pages are reloaded. What it said is kept in the table for all instances of
the function; who is to ask next has to take the right to, so that of many who look at once one asks.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from tollkeeper.clock import Clock
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.rules.users import User
from tollkeeper.stripe.errors import StripeFailedError, StripeRefusedError, StripeUnavailableError
from tollkeeper.views.errors import NoUpcomingInvoiceError
from tollkeeper.views.invoices import InvoiceViews
from tollkeeper.views.stripe_bills import BillsView, packed, unpacked

MOST_INVOICES = 12


class BillsAtStripe:
    """Says what `views` say of each user, or said less than a minute ago.

    `passing` tells the time that minutes are counted by, `clock` that of the deployment.
    """

    def __init__(
        self,
        answers: StripeAnswers,
        views: Callable[[], InvoiceViews],
        clock: Clock,
        passing: Callable[[], datetime],
    ) -> None:
        self._answers = answers
        self._views = views
        self._clock = clock
        self._passing = passing

    def of(self, user: User, answer: Answer) -> BillsView:
        """Return what Stripe says of a user, who comes with the period that holds now.

        `answer` is what the table had: whoever may not ask, or is not answered, shows that.
        """
        if user.customer_id is None:
            return BillsView(self._clock.now(), is_known=True)
        now = self._passing()
        claimed = self._answers.claim(user.user_id, answer, now)
        if claimed is None:
            return self._last(answer, now)
        try:
            found = self._asked(user)
        except (StripeUnavailableError, StripeFailedError, StripeRefusedError):
            self._answers.keep_silence(user.user_id, claimed)
            return replace(self._last(answer, now), is_silent=True)
        if (said := packed(found)) is None:
            return found
        self._answers.keep(user.user_id, claimed, said)
        return unpacked(said) or found  # as many invoices as everybody is shown from now on

    def decided(self, user_id: str, answer: Answer) -> None:
        """Ask anew for the next page, since the user has just changed something; not without end."""
        self._answers.decided(user_id, answer, self._passing())

    def _last(self, answer: Answer, now: datetime) -> BillsView:
        said = answer.believed(now)
        last = (unpacked(said) if said else None) or BillsView(self._clock.now(), is_known=False)
        return replace(last, is_silent=answer.is_silent)

    def _asked(self, user: User) -> BillsView:
        now, upcoming = self._clock.now(), None
        views = self._views()
        page = views.history_of(user, MOST_INVOICES, None)
        with suppress(NoUpcomingInvoiceError):
            upcoming = views.upcoming_of(user, now)
        return BillsView(now, True, page.invoices, page.has_more, upcoming)  # noqa: FBT003 - it is known
