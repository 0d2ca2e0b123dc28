"""How a period closes: when its usage is counted, as it stands, with what it owes (DESIGN rule 12)."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.closing import Closing, PeriodMovedError
from tollkeeper.rules.bills import Bill, Policy, State
from tollkeeper.rules.charges import Charge, charges
from tollkeeper.rules.invoices import Renewal
from tollkeeper.rules.periods import Period
from tollkeeper.rules.settling import CLOSING_TIME, SETTLING, Settled
from tollkeeper.rules.users import User

MOST_ATTEMPTS = 8

HELD_AFTER = timedelta(minutes=20)
"""How long after its end a period that has not settled has its draft held: Stripe finalises it in an hour."""


class Closed(StrEnum):
    """What became of a period that has ended; the words are names of metrics."""

    CLOSED = "closed"
    UNSETTLED = "unsettled"
    """Closed, although usage of it may still be on the queue."""
    SETTLING = "settling"
    """Its usage is waited for."""
    LATE = "late"
    """Its usage is waited for, for so long that somebody must look."""
    BUSY = "busy"
    """It is still being counted in: the next run closes it."""
    LEFT = "left"
    """There is nothing to close, or not yet."""


class StripeForClosing(Protocol):
    """What closing asks of Stripe: nothing, unless usage is long in coming."""

    def renewal(self, subscription_id: str, ended_at: datetime) -> Renewal:
        """Return the invoice that renews a subscription where one of its periods ended."""


@dataclass(frozen=True, slots=True)
class PeriodClosing:
    """Closes periods that have ended."""

    closing: Closing
    bills: Bills
    stripe: StripeForClosing
    policy: Policy
    deployment: str

    def close(
        self, user_id: str, period_id: str, settled: Settled, *, asks_stripe: bool
    ) -> tuple[Closed, Bill | None]:
        """Close a period if it has ended and its usage is counted; return what became of it, and its bill.

        Where the usage is long in coming, the renewal's draft is bound, so that it is held, unless Stripe is
        not to be asked.

        Raises:
            BillMovedError, StripeUnavailableError, UnavailableError: the next run tries again.
        """
        for _ in range(MOST_ATTEMPTS):
            user, period, bill = self.closing.read(user_id, period_id)
            if period is not None and not period.is_open:
                return Closed.LEFT, self._freed(bill, settled.at)
            if period is None or period.end is None or user.customer_id is None:
                return Closed.LEFT, bill
            if period.end > settled.at - SETTLING:
                return Closed.LEFT, bill  # Stripe has said a later end since the index was read, which lags
            has_settled = settled.has(period.end)
            if not has_settled and not settled.is_given_up(period.end, self.policy.hold):
                late = settled.at - period.end > CLOSING_TIME
                if bill is None and asks_stripe:
                    bill = self._held(user, period, settled.at)
                return Closed.LATE if late else Closed.SETTLING, bill
            owed = charges(self.deployment, user_id, period)
            after = _billed(user, period, bill, owed, settled.at)
            try:
                self.closing.close(user_id, period, owed, (bill, after) if after else None, settled.at)
            except PeriodMovedError:
                continue
            written = replace(after, rev=(bill.rev if bill else 0) + 1) if after else None
            return Closed.CLOSED if has_settled else Closed.UNSETTLED, written
        return Closed.BUSY, None

    def _freed(self, bill: Bill | None, now: datetime) -> Bill | None:
        """Let a bill owe nothing whose period closed without it, or turned out to be none, as it was held.

        What a closing period owes is written into its bill at once: a bill that still waits owes nothing.
        """
        if bill is None or bill.charges is not None:
            return bill
        return self.bills.write(bill, bill.moved(bill.state, now, charges=()), now)

    def _held(self, user: User, period: Period, now: datetime) -> Bill | None:
        """Bind the renewal's draft of a period that may owe something, so that it is held."""
        may_owe = period.terms.billed and period.terms.prices and period.end is not None
        if not may_owe or period.end is None or now - period.end < HELD_AFTER:
            return None
        draft = self.stripe.renewal(str(period.subscription_id), period.end).draft
        bill = _bill(user, period, None, now)
        if draft is None or bill is None:
            return None
        return self.bills.write(None, bill.moved(State.BOUND, now, invoice_id=draft.id), now)


def _billed(
    user: User, period: Period, bill: Bill | None, owed: tuple[Charge, ...], now: datetime
) -> Bill | None:
    """Return the bill of a period that closes; None if it owes nothing and nothing was held for it."""
    if bill:
        return bill.moved(bill.state, now, charges=owed)
    return _bill(user, period, owed, now) if owed else None


def _bill(user: User, period: Period, owed: tuple[Charge, ...] | None, now: datetime) -> Bill | None:
    if user.customer_id is None or period.subscription_id is None or period.end is None:
        return None
    return Bill(
        user_id=user.user_id,
        customer_id=user.customer_id,
        subscription_id=period.subscription_id,
        period_start=period.start,
        period_end=period.end,
        state=State.OWED,
        since=now,
        charges=owed,
    )
