"""What Stripe's documents leave open, and charging overage relies on: docs/stripe-questions.md.

Each question is asked of the stand-in always, and of Stripe itself with `STRIPE_SECRET_KEY=sk_test_…` (after
`make stripe-apply WITHOUT_STACK=1`). *Unverified*: nobody with a key has asked yet.
"""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.integration.lives import GOOD, Life
from tollkeeper.rules.bills import SHOWN_WITHIN, STRIPES_OWN_HOUR
from tollkeeper.rules.invoices import Invoice, InvoiceStatus
from tollkeeper.rules.times import from_epoch
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.port import OwnInvoice

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)
COLLECTED = 2 * HOUR
"""How long after an invoice is final it has certainly been collected."""


class Renewed:
    """A subscription whose first month has just ended, and the draft that renews it."""

    def __init__(self, life: Life, *, renews: bool = True) -> None:
        self.life = life
        self.stripe = life.gateway
        made = life.subscribe(GOOD, trial_days=0)
        self.subscription = made.id
        (item,) = made["items"].data
        self.start, self.end = from_epoch(item.current_period_start), from_epoch(item.current_period_end)
        if not renews:
            life.client.v1.subscriptions.update(made.id, {"cancel_at_period_end": True})
        life.advance(self.end + MINUTE)

    def draft(self) -> Invoice:
        """Return the draft."""
        found = self.stripe.renewal(self.subscription, self.end).draft
        assert found, "there is no draft that lines could go onto"
        return found

    def read(self, invoice_id: str) -> Invoice:
        """Return an invoice as it is now."""
        found = self.stripe.invoice(invoice_id)
        assert found
        return found

    def at(self, after_end: timedelta) -> None:
        """Let it be so long after the period's end."""
        self.life.advance(self.end + after_end)

    def line(self, number: int = 1, quantity: int = 5, price: str = "1") -> ChargeLine:
        """Return a charge."""
        words = f"API calls, charge {number}"
        return ChargeLine(
            f"charge-{number}", "ada", "apiCalls", quantity, Decimal(price), self.start, self.end, words
        )

    def until(self, is_so: Callable[[], bool]) -> float:
        """Wait until something is so; return the seconds it took."""
        began = time.monotonic()
        while not is_so():
            assert time.monotonic() - began < SHOWN_WITHIN.total_seconds()
            time.sleep(0.2)
        return time.monotonic() - began


@pytest.fixture
def renewed(life: Life) -> Renewed:
    """At the stand-in, and at Stripe."""
    return Renewed(life)


def test_a_renewals_draft_is_there_for_an_hour(renewed: Renewed) -> None:
    """It is made at the period's end, advances, and is finalised an hour later if nobody holds it."""
    draft = renewed.draft()
    renewed.at(STRIPES_OWN_HOUR - 5 * MINUTE)
    before = renewed.read(draft.id)
    renewed.at(STRIPES_OWN_HOUR + COLLECTED)
    assert (True, InvoiceStatus.DRAFT, InvoiceStatus.PAID) == (
        draft.advances,
        before.status,
        renewed.read(draft.id).status,
    )


def test_a_renewals_draft_can_be_held(renewed: Renewed) -> None:
    """Set to be finalised in 72 hours, it stays a draft so long, and is collected then."""
    draft = renewed.draft()
    renewed.stripe.finalize_at(draft.id, draft.created + 72 * HOUR)
    renewed.at(71 * HOUR)
    before = renewed.read(draft.id).status
    renewed.at(72 * HOUR + COLLECTED)
    assert (InvoiceStatus.DRAFT, InvoiceStatus.PAID) == (before, renewed.read(draft.id).status)


def test_a_held_draft_can_be_released(renewed: Renewed) -> None:
    """Set again to five minutes from now, it is finalised then and collected."""
    draft = renewed.draft()
    renewed.stripe.finalize_at(draft.id, draft.created + 72 * HOUR)
    renewed.at(2 * HOUR)
    renewed.stripe.finalize_at(draft.id, renewed.life.now + 5 * MINUTE)
    renewed.at(2 * HOUR + COLLECTED)
    assert InvoiceStatus.PAID is renewed.read(draft.id).status


def test_lines_go_onto_a_renewals_draft(renewed: Renewed) -> None:
    """At the catalogue's price and at another; they stay when it is finalised, and are paid with it."""
    draft = renewed.draft()
    renewed.stripe.add_lines(draft.id, [renewed.line(1), renewed.line(2, 500, "0.35")], f"{draft.id}-lines")
    renewed.at(STRIPES_OWN_HOUR + COLLECTED)
    final = renewed.read(draft.id)
    assert (InvoiceStatus.PAID, [("charge-1", 5), ("charge-2", 175)]) == (
        final.status,
        sorted((line.charge_id, line.amount) for line in final.lines),
    )


def test_lines_are_shown_at_once(renewed: Renewed, record_property: Callable[[str, object], None]) -> None:
    """They are read as soon as Stripe has said yes; the seconds are in the report (--junit-xml)."""
    draft = renewed.draft()
    renewed.stripe.add_lines(draft.id, [renewed.line()], f"{draft.id}-lines")
    took = renewed.until(lambda: len(renewed.read(draft.id).lines) == 1)
    record_property("seconds until lines were shown", round(took, 2))
    assert took < SHOWN_WITHIN.total_seconds()


def test_half_a_cent_is_rounded_up(renewed: Renewed) -> None:
    """1, 3 and 5 units at half a cent are 1, 2 and 3 cents; charging bears it if they are a cent off."""
    draft = renewed.draft()
    lines = [renewed.line(number, number, "0.5") for number in (1, 3, 5)]
    renewed.stripe.add_lines(draft.id, lines, f"{draft.id}-lines")
    assert [1, 2, 3] == [line.amount for line in sorted(renewed.read(draft.id).lines, key=_charge)]


def _charge(line: Any) -> str:  # noqa: ANN401 - a line
    return str(line.charge_id)


def test_cancelling_stops_a_held_draft(renewed: Renewed) -> None:
    """It stays a draft, does not advance, cannot be held any more, and still loses its lines."""
    draft = renewed.draft()
    renewed.stripe.finalize_at(draft.id, draft.created + 72 * HOUR)
    renewed.stripe.add_lines(draft.id, [renewed.line()], f"{draft.id}-lines")
    renewed.life.client.v1.subscriptions.cancel(renewed.subscription)
    stopped = renewed.read(draft.id)
    renewed.stripe.remove_lines(draft.id, [line.id for line in stopped.lines])
    renewed.at(72 * HOUR + COLLECTED)
    left = renewed.read(draft.id)
    assert (InvoiceStatus.DRAFT, False, 1, InvoiceStatus.DRAFT, 0) == (
        stopped.status,
        stopped.advances,
        len(stopped.lines),
        left.status,
        len(left.lines),
    )


def test_a_subscription_that_ends_at_its_periods_end_leaves_no_draft(life: Life) -> None:
    """There is nothing that lines could go onto, and nothing is awaited: they get an invoice of their own."""
    ended = Renewed(life, renews=False)
    found = ended.stripe.renewal(ended.subscription, ended.end)
    assert (None, False) == (found.draft, found.is_awaited)


def test_an_own_invoice_is_collected_after_its_subscription_has_ended(life: Life) -> None:
    """By the card that the subscription had."""
    ended = Renewed(life, renews=False)
    order = OwnInvoice("bill", "ada", life.customer, ended.subscription, "Usage")
    ended.stripe.create_invoice(order, f"{ended.subscription}-own")
    (own,) = ended.stripe.own_invoices(life.customer, "bill", ended.end - HOUR)
    ended.stripe.add_lines(own.id, [ended.line(1, 500)], f"{own.id}-lines")
    ended.stripe.finalize_invoice(own.id)
    ended.at(COLLECTED + HOUR)
    assert InvoiceStatus.PAID is ended.read(own.id).status


def test_a_lines_period_is_shown_as_it_was_sent(renewed: Renewed) -> None:
    """Its end is the period's, although the documents call it inclusive."""
    draft = renewed.draft()
    renewed.stripe.add_lines(draft.id, [renewed.line()], f"{draft.id}-lines")
    found: list[tuple[datetime, datetime]] = [
        (from_epoch(line.period.start), from_epoch(line.period.end))
        for line in renewed.life.client.v1.invoices.retrieve(draft.id).lines.data
        if line.metadata and "charge" in line.metadata
    ]
    assert [(renewed.start, renewed.end)] == found
