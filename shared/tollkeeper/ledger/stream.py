"""The table's stream: what became of rows, in the order in which it happened to each, at least once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from tollkeeper.ledger import entry_rows, keys, rows
from tollkeeper.ledger.dynamo import unmarshal
from tollkeeper.ledger.table import Key, Row
from tollkeeper.rules.announcements import Announcement, of_usage


@dataclass(frozen=True, slots=True)
class RowChange:
    """What a write did to one row: `before` is None where it began the row, `after` where it ended it.

    `written_at` is the wall clock's time of it, to the second.
    """

    key: Key
    before: Row | None
    after: Row | None
    written_at: datetime

    @classmethod
    def read(cls, record: Mapping[str, Any]) -> Self:
        """Read a record of the stream as Lambda hands it over, with both images.

        Raises:
            KeyError: it is no such record.
        """
        change = record["dynamodb"]
        key = unmarshal(change["Keys"])
        return cls(
            key=Key(str(key["pk"]), str(key["sk"])),
            before=unmarshal(change["OldImage"]) if "OldImage" in change else None,
            after=unmarshal(change["NewImage"]) if "NewImage" in change else None,
            written_at=datetime.fromtimestamp(change["ApproximateCreationDateTime"], UTC),
        )


def announcements(of: RowChange, at: datetime) -> Iterable[Announcement]:
    """Return what a change has to announce; `at` is the deployment's time at which the row was written.

    An announcement is made once its row is written. The row of a period announces the thresholds that its
    usage reaches, by whatever path it came.

    Raises:
        KeyError, ValueError: the row is not what the ledger writes under such a key.
    """
    if of.after is None:
        return []
    if keys.is_announcement(of.key):
        return [entry_rows.read_announcement(of.after)] if of.before is None else []
    if keys.is_period(of.key):
        if of.before is None and "closedAt" in of.after:
            return []  # it was moved there when its user was erased
        before = None if of.before is None else rows.period(of.before)
        return of_usage(keys.read_user(of.key), before, rows.period(of.after), at=at)
    return []
