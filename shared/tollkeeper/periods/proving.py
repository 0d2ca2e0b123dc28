"""How a period is proved: read again from its records, row, bill and invoices; nothing is written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tollkeeper.ledger.closing import Closing
from tollkeeper.ledger.history import History, ListedRecord
from tollkeeper.periods.reconciler import MADE_BEFORE
from tollkeeper.rules.invoices import Invoice
from tollkeeper.rules.offers import LEAST_LIFETIME
from tollkeeper.rules.proofs import Evidence, Proof, prove


class StripeForProving(Protocol):
    """What proving asks of Stripe."""

    def invoices_since(self, customer_id: str, since: datetime) -> list[Invoice]:
        """Return a customer's invoices made at a time or later."""


@dataclass(frozen=True, slots=True)
class Proving:
    """Proves periods."""

    closing: Closing
    history: History
    stripe: StripeForProving
    deployment: str

    def names(self, user_id: str, start: datetime) -> list[str]:
        """Return the names of a user's periods that start at an instant: of each owner one."""
        return self.closing.names(user_id, start)

    def prove(self, user_id: str, period_id: str, now: datetime) -> Proof | None:
        """Return the proof of a period, or None if there is none of that name.

        Raises:
            StripeUnavailableError, UnavailableError: no answer; prove it again.
        """
        evidence = [_evidence(each) for each in self._listed(user_id, period_id)]
        _, period, bill = self.closing.read(user_id, period_id)
        if period is None:
            return None
        invoices = self.stripe.invoices_since(bill.customer_id, bill.period_end - MADE_BEFORE) if bill else []
        return prove(
            self.deployment,
            user_id,
            period,
            bill,
            invoices,
            evidence,
            markers_are_kept=now < period.start + LEAST_LIFETIME,
        )

    def _listed(self, user_id: str, period_id: str) -> Iterator[ListedRecord]:
        cursor: str | None = None
        while True:
            part = self.history.behind(user_id, period_id, cursor)
            yield from part.entries
            if part.cursor is None:
                return
            cursor = part.cursor


def _evidence(of: ListedRecord) -> Evidence:
    line, counted = of.line, of.counted
    if counted is None:
        return Evidence(line.id, line.metric, line.quantity)
    return Evidence(
        id=line.id,
        metric=line.metric,
        quantity=line.quantity,
        released=counted.released,
        counts=not counted.dropped,
        marker=(counted.record.metric, counted.record.quantity),
    )
