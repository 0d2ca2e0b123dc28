"""The book of spending caps: what a user accepts holds for the open period and those after it (rule 8)."""

from datetime import datetime
from uuid import uuid4

from tollkeeper.ledger import entry_rows, keys, open_rows
from tollkeeper.ledger.patience import Patience
from tollkeeper.ledger.rows import BEYOND, USED
from tollkeeper.ledger.table import (
    Change,
    Put,
    Table,
    TransactionCancelledError,
    UnavailableError,
    equal,
)
from tollkeeper.ledger.users import Users
from tollkeeper.rules.audit import of_spending_cap
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.overage import with_cap
from tollkeeper.rules.periods import Period
from tollkeeper.rules.users import User, next_period, open_period


class SpendingCaps:
    """Sets the most overage that users accept in a period."""

    def __init__(self, table: Table, offer: Offer) -> None:
        self._table = table
        self._users = Users(table)
        self._offer = offer

    def set(self, user_id: str, cap: int | None, now: datetime, patience: Patience) -> None:
        """Note the most overage, in cents, that a user accepts in a period; None takes the cap away.

        It holds for the period that holds `now`, as far as its money is not spent already, and for those that
        begin later. One that has ended keeps the cap it ended with.

        Raises:
            ContendedError: others were at the period's row until time was up; setting it again is safe.
        """
        attempt = 0
        while True:
            user = self._users.read(user_id, now)
            if user.spending_cap == cap:
                return
            try:
                self._table.transact(_writes(user, cap, now, self._offer))
            except (TransactionCancelledError, UnavailableError):
                patience.wait(attempt)
                attempt += 1
            else:
                return


def _writes(user: User, cap: int | None, now: datetime, offer: Offer) -> list[Change | Put]:
    before, period = user.spending_cap, open_period(user, now, offer)
    entry = of_spending_cap(user.user_id, before, cap, at=now)
    writes: list[Change | Put] = [
        Change(
            keys.profile(user.user_id),
            set={"spendingCap": cap, "userId": user.user_id},
            remove=["spendingCap"] if cap is None else [],
            # A word of Stripe's in between has begun periods under the old cap.
            only_if=[equal("spendingCap", before), equal("rev", user.rev or None)],
        ),
        Put(keys.audit(user.user_id, now, uuid4().hex), entry_rows.audit_entry(entry)),
    ]
    # What is stamped a little ahead may have begun the next period, or be about to, under the old cap.
    begun = [each for each in user.periods if each.is_open and each.start > now and each != period]
    if (soon := next_period(user, now, offer)) and soon not in begun:
        begun.append(soon)
    is_capped = (each for each in (period, *begun) if each.terms.prices or each.subscription_id)
    return [*writes, *(_capped(user.user_id, each, cap) for each in is_capped)]


def _capped(user_id: str, period: Period, cap: int | None) -> Change:
    """Return the change of a period, if its counters still are what the old cap was judged by."""
    after = with_cap(period, cap)
    begins = {**open_rows.begins(period), "spendingCap": None}
    return Change(
        keys.period(user_id, period),
        begin=begins,
        set={
            "spendingCap": after.spending_cap,
            **{BEYOND + metric: quantity for metric, quantity in after.beyond.items()},
        },
        remove=[
            *(["spendingCap"] if after.spending_cap is None else []),
            *(BEYOND + metric for metric in period.beyond if metric not in after.beyond),
        ],
        only_if=[
            *open_rows.takes(period),
            equal("terms", period.pinned),
            equal("spendingCap", period.spending_cap if period.pinned else None),
            *(equal(USED + metric, period.used.get(metric)) for metric in period.terms.prices),
        ],
    )
