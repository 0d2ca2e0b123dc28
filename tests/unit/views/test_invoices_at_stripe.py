"""What a process remembers of single invoices for a minute."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, cast

import pytest

from tests.examples import NOW
from tests.fakes.runtime import FixedClock
from tollkeeper.rules.invoices import Invoice, InvoiceStatus
from tollkeeper.views.invoices_at_stripe import MOST_KEPT, InvoicesAtStripe, Minute, Remembered

if TYPE_CHECKING:
    from tollkeeper.views.explanations import StripeForExplaining

INVOICE = Invoice("in_1", InvoiceStatus.PAID, advances=True, created=NOW)

SECOND = timedelta(seconds=1)


def test_a_thousand_answers_are_remembered() -> None:
    """What was asked first goes first; to ask again is to be remembered anew."""
    now, asked = NOW, list[int]()
    minute = Minute[int, int](lambda: now)

    def recall(key: int) -> int:
        def ask() -> int:
            asked.append(key)
            return -key

        return minute.recall(key, ask)

    assert [-each for each in range(MOST_KEPT)] == [recall(each) for each in range(MOST_KEPT)]
    now = NOW + 60 * SECOND
    recall(0)
    asked.clear()
    recall(MOST_KEPT)  # number 1 goes
    now = NOW + 59 * SECOND
    assert (0, -2, -1) == (recall(0), recall(2), recall(1))
    assert [MOST_KEPT, 1] == asked


class Asked:
    """Stripe, which notes what it is asked, and the clicks that were spent on it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def click(self) -> None:
        """Spend a click."""
        self.asked.append("click")

    def invoice(self, invoice_id: str) -> Invoice:
        """Return an invoice."""
        self.asked.append(f"invoice {invoice_id}")
        return INVOICE

    def is_invoice_of(self, invoice_id: str, customer_id: str) -> bool:
        """Say that it is theirs."""
        self.asked.append(f"is {invoice_id} of {customer_id}")
        return True

    def refunded(self, invoice_id: str) -> int:
        """Say that seven cents were paid back."""
        self.asked.append(f"refunded {invoice_id}")
        return 7


@pytest.mark.parametrize(
    ("ask", "name", "answer"),
    [
        (InvoicesAtStripe.invoice, "invoice {}", INVOICE),
        (lambda at, invoice_id: at.is_invoice_of(invoice_id, "cus_1"), "is {} of cus_1", True),
        (InvoicesAtStripe.refunded, "refunded {}", 7),
    ],
    ids=["the invoice", "whose it is", "what was paid back"],
)
def test_an_answer_is_remembered_for_a_minute(
    ask: Callable[[InvoicesAtStripe, str], object], name: str, answer: object
) -> None:
    """Each of its own invoice, and no click is spent on what is remembered."""
    stripe, now = Asked(), NOW
    told = Remembered(lambda: now)
    said = lambda: cast("StripeForExplaining", stripe)  # noqa: E731 - handed in
    at_stripe = InvoicesAtStripe(told, stripe.click, said, pytest.fail, FixedClock(NOW))
    for now in (NOW, NOW + 59 * SECOND):  # noqa: B007 - the clock reads it
        assert [answer, answer] == [ask(at_stripe, each) for each in ("in_1", "in_2")]
    assert ["click", name.format("in_1"), "click", name.format("in_2")] == stripe.asked
    now = NOW + 60 * SECOND
    assert (answer, 6) == (ask(at_stripe, "in_1"), len(stripe.asked))
