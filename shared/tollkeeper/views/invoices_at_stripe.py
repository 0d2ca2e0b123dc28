"""What Stripe says of single invoices, and of older ones, when a user clicks on them.

Each answer is remembered for a minute by the process that asked. Whoever asks for what is not remembered
spends one of the few clicks that a user has in a minute, which the ledger counts for all processes together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tollkeeper.clock import Clock
from tollkeeper.ledger.answer_rows import Answer
from tollkeeper.ledger.stripe_answers import StripeAnswers
from tollkeeper.rules.asking import MINUTE
from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.users import User
from tollkeeper.views.bills_at_stripe import MOST_INVOICES
from tollkeeper.views.errors import AskedTooOftenError
from tollkeeper.views.explanations import StripeForExplaining
from tollkeeper.views.invoices import InvoiceViews
from tollkeeper.views.stripe_bills import BillsView

MOST_KEPT = 1_000
"""Answers at a time; what was asked first goes first."""

type Passing = Callable[[], datetime]
type Click = Callable[[], None]
"""Spends a click, the first time that it is called. Raises `AskedTooOftenError` where none is left."""


class Minute[Key, Answer]:
    """Remembers each answer for a minute."""

    def __init__(self, passing: Passing) -> None:
        self._passing = passing
        self._kept: dict[Key, tuple[datetime, Answer]] = {}

    def recall(self, key: Key, ask: Callable[[], Answer]) -> Answer:
        """Return what was answered less than a minute ago, or ask."""
        kept, now = self._kept.get(key), self._passing()
        if kept and abs(now - kept[0]) < MINUTE:
            return kept[1]
        answer = ask()
        self._kept.pop(key, None)
        while len(self._kept) >= MOST_KEPT:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = now, answer
        return answer


class Remembered:
    """What a process remembers of single invoices, and of older ones by their customers."""

    def __init__(self, passing: Passing) -> None:
        self.invoices = Minute[str, Invoice | None](passing)
        self.owned = Minute[tuple[str, str], bool](passing)
        self.refunded = Minute[str, int](passing)
        self.older = Minute[tuple[str, str], BillsView](passing)


def click(answers: StripeAnswers, user_id: str, answer: Answer, now: datetime) -> Click:
    """Return what spends one click, however often it is called, of a user whose row was read as `answer`."""
    spent = False

    def spend() -> None:
        nonlocal spent
        if not spent and not answers.click(user_id, answer, now):
            raise AskedTooOftenError
        spent = True

    return spend


@dataclass(frozen=True, slots=True)
class InvoicesAtStripe:
    """Says what Stripe says of invoices, or said within the minute. Whoever asks has shown whose they are.

    Every call raises `AskedTooOftenError` where it would have to ask and may not.
    """

    remembered: Remembered
    click: Click
    stripe: Callable[[], StripeForExplaining]
    views: Callable[[], InvoiceViews]
    clock: Clock

    def invoice(self, invoice_id: str) -> Invoice | None:
        """Return an invoice as it is, or was less than a minute ago; None if it was deleted."""
        return self.remembered.invoices.recall(invoice_id, lambda: self._asked().invoice(invoice_id))

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Whether an invoice is there, and this customer's."""
        owned = (invoice_id, customer_id)
        return self.remembered.owned.recall(owned, lambda: self._asked().is_invoice_of(*owned))

    def refunded(self, invoice_id: str) -> int:
        """Return what was paid back of an invoice's payments, in cents, likewise."""
        return self.remembered.refunded.recall(invoice_id, lambda: self._asked().refunded(invoice_id))

    def older(self, user: User, than: str) -> BillsView:
        """Return the invoices of a user that are older than one of them.

        Raises:
            ForeignInvoiceError: that one is not theirs.
            StripeUnavailableError: Stripe did not answer, or asks for patience.
        """

        def ask() -> BillsView:
            self.click()
            page = self.views().history_of(user, MOST_INVOICES, than)
            return BillsView(self.clock.now(), True, page.invoices, page.has_more)  # noqa: FBT003 - it is known

        return self.remembered.older.recall((user.user_id, than), ask)

    def _asked(self) -> StripeForExplaining:
        self.click()
        return self.stripe()
