"""Where one usage record is counted (DESIGN rules 3 and 4)."""

from dataclasses import dataclass
from datetime import datetime

from tollkeeper.catalogue import LatePolicy
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.periods import Period
from tollkeeper.rules.usage import UsageRecord
from tollkeeper.rules.users import User, open_period, period_at


@dataclass(frozen=True, slots=True)
class Allocation:
    """Where one record is counted.

    `late` says that its own period was closed, `unbilled` that it can no longer be charged for. `counts` is
    False for what is only shown: it stands on its day, is listed in `period`, and takes nothing of its limit.
    """

    record: UsageRecord
    period: Period
    late: bool = False
    unbilled: bool = False
    counts: bool = True


def allocate(user: User, record: UsageRecord, now: datetime, offer: Offer) -> Allocation:
    """Return where a record is counted: in the period that holds its timestamp, or late in the open one.

    What comes late counts in the open period if its own would have billed it and the open one can; else it
    is only shown. It is marked unbilled where it would have been billed in time.
    """
    own = period_at(user, record.timestamp, offer)
    if own.is_open:
        return Allocation(record, own)
    current = open_period(user, now, offer)
    if not own.terms.bills(record.metric) or offer.catalogue.metrics[record.metric].late is LatePolicy.DROP:
        return Allocation(record, current, late=True, counts=False)
    billable = current.subscription_id is not None and current.terms.billed
    return Allocation(record, current, late=True, unbilled=not billable, counts=billable)
