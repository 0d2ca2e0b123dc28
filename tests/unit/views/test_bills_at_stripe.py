"""What Stripe says of invoices is asked once a minute at most."""

from collections.abc import Callable
from typing import TYPE_CHECKING, cast

import pytest

from tests.examples import NOW
from tollkeeper.rules.invoices import Invoice, InvoiceStatus
from tollkeeper.views.bills_at_stripe import MOST_KEPT, InvoicesAtStripe, Minute

if TYPE_CHECKING:
    from tollkeeper.views.explanations import StripeForExplaining

INVOICE = Invoice("in_1", InvoiceStatus.PAID, advances=True, created=NOW)


class Asked:
    """Stripe, which notes what it is asked, and what counts the seconds."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.seconds = 0.0

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


type Ask = Callable[[InvoicesAtStripe, str], object]


@pytest.mark.parametrize(
    ("ask", "name", "answer"),
    [
        (InvoicesAtStripe.invoice, "invoice {}", INVOICE),
        (lambda at, invoice_id: at.is_invoice_of(invoice_id, "cus_1"), "is {} of cus_1", True),
        (InvoicesAtStripe.refunded, "refunded {}", 7),
    ],
    ids=["the invoice", "whose it is", "what was paid back"],
)
def test_an_answer_is_remembered_for_a_minute(ask: Ask, name: str, answer: object) -> None:
    """Each of its own invoice."""
    stripe = Asked()
    at_stripe = InvoicesAtStripe(lambda: cast("StripeForExplaining", stripe), lambda: stripe.seconds)
    for stripe.seconds in (0.0, 59.9):
        assert [answer, answer] == [ask(at_stripe, each) for each in ("in_1", "in_2")]
    assert [name.format("in_1"), name.format("in_2")] == stripe.asked
    stripe.seconds = 60.0
    assert (answer, 3) == (ask(at_stripe, "in_1"), len(stripe.asked))


def test_a_thousand_answers_are_remembered() -> None:
    """What was asked first goes first; to ask again is to be remembered anew."""
    seconds, asked = 0.0, list[int]()
    minute = Minute[int, int](lambda: seconds)

    def recall(key: int) -> int:
        def ask() -> int:
            asked.append(key)
            return -key

        return minute.recall(key, ask)

    assert [-each for each in range(MOST_KEPT)] == [recall(each) for each in range(MOST_KEPT)]
    seconds = 60.0
    recall(0)
    asked.clear()
    recall(MOST_KEPT)  # number 1 goes
    seconds = 59.0
    assert (0, -2, -1) == (recall(0), recall(2), recall(1))
    assert [MOST_KEPT, 1] == asked
