"""The book of days whose usage Stripe is yet to be shown: a record of each stands in the index."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from itertools import batched, groupby

from tollkeeper.ledger import keys, record_rows
from tollkeeper.ledger.keys import Due
from tollkeeper.ledger.table import (
    MOST_READS,
    MOST_WRITES,
    Change,
    Condition,
    Is,
    Key,
    Table,
    TransactionCancelledError,
)
from tollkeeper.rules.times import iso


@dataclass(frozen=True, slots=True)
class DayToShow:
    """A day of a user's, and the records that stand in the index for it."""

    user_id: str
    day: date
    markers: Sequence[Key]


class ShownDays:
    """Finds the days that are to be shown, and takes them off."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def due(self, until: datetime) -> Iterator[DayToShow]:
        """Return the days that are due by then, a user's one after the other."""
        for shard in keys.shards(Due.MIRROR):
            for some in _whole_users(sorted(self._table.due(shard, iso(until)))):
                markers: dict[tuple[str, date], list[Key]] = defaultdict(list)
                for row in self._table.get_all(some):
                    if row.get("due") == shard:  # the index may still hold what was just taken off
                        record = record_rows.record(row)
                        key = Key(str(row["pk"]), str(row["sk"]))
                        markers[record.user_id, record.timestamp.date()].append(key)
                for (user_id, day), those in sorted(markers.items()):
                    yield DayToShow(user_id, day, those)

    def take_off(self, shown: DayToShow) -> None:
        """Take a day off the index. Where somebody is at one of its rows, it comes again.

        Raises:
            UnavailableError: whether it was taken off is unknown; then it comes again, too.
        """
        shard = keys.shard(Due.MIRROR, shown.user_id)
        is_there = Condition("due", Is.EQUAL, shard, or_absent=True)
        for some in batched(shown.markers, MOST_WRITES, strict=False):
            with suppress(TransactionCancelledError):
                self._table.transact(
                    [Change(key, remove=["due", "dueAt"], only_if=[is_there]) for key in some]
                )


def _whole_users(markers: Iterable[Key]) -> Iterator[list[Key]]:
    """Return sorted keys of records in lists of about what one request reads, a user's all in one."""
    some: list[Key] = []
    for _, of_user in groupby(markers, key=lambda key: keys.read_record(key)[0]):
        some += of_user
        if len(some) >= MOST_READS:
            yield some
            some = []
    if some:
        yield some
