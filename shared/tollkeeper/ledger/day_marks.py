"""The mark by which a day is found whose usage Stripe is yet to be shown (DESIGN rule 18).

A day's usage is in day rows or in lines of periods' rows, so there is no row that all of it changes. The row
of its first record bears the entry instead, from the transaction that counts it. Which one is the first, the
period's row tells, which notes the last day that was marked; where it was not read, the first of each
transaction is taken for it. Two entries of one day do no harm: they are shown together.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import date, datetime
from typing import NamedTuple

from tollkeeper.ledger import keys
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import Cells, Key, Row
from tollkeeper.rules.metering import shown_at
from tollkeeper.rules.usage import UsageRecord

MARKED = "marked"
"""In a period's row: the last day, counted from the period's start, of which a record was marked."""


class Marks(NamedTuple):
    """Which of a transaction's records mark their day.

    `due` is what their rows have in the index, by their ids; `noted` is what the period's row says of it.
    """

    days: frozenset[date]
    due: Mapping[str, Cells]
    noted: Cells


def marks(
    records: Iterable[UsageRecord],
    metrics: Collection[str],
    now: datetime,
    period: Key,
    row: Row | None,
    known: Collection[date] = (),
) -> Marks:
    """Return how the records of one transaction mark the days on which one of `metrics` was used.

    `row` is that of the period, as it was read, if it was; `known` are days that were marked before. A day
    that would have been shown by now is not any more. A correction marks nothing: what it takes back did.
    """
    start = keys.read_period_key(period)[0].date()
    noted = None if row is None or MARKED not in row else int(row[MARKED])
    due: dict[date, tuple[str, Cells]] = {}
    for each in records:
        day = each.timestamp.date()
        is_known = day in due or day in known or (day - start).days == noted
        if not is_known and each.metric in metrics and each.quantity > 0 and now < shown_at(day):
            due[day] = (each.id, {"due": keys.shard(Due.MIRROR, each.user_id), "dueAt": shown_at(day)})
    last = max(((day - start).days for day in due), default=None)
    is_later = row is not None and last is not None and (noted is None or last > noted)
    return Marks(frozenset(due), dict(due.values()), {MARKED: last} if is_later else {})
