"""How far the sweep has come: one row, so that it goes on where it stopped."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from tollkeeper.ledger import keys, rows
from tollkeeper.ledger.table import Cells, Change, Table
from tollkeeper.rules.times import parse_iso


class SweepStage(StrEnum):
    """What a sweep looks through at Stripe, one after the other, each with the newest first."""

    SUBSCRIPTIONS = "subscriptions"
    ENDINGS = "endings"
    UNDELIVERED = "undelivered"


@dataclass(frozen=True, slots=True)
class SweepProgress:
    """A sweep: when it began, and since when it looks at events.

    `stage` is what it looks through, None when it is done. What was made after `until` is behind it; if that
    is None, nothing of the stage is.
    """

    begun_at: datetime
    since: datetime
    stage: SweepStage | None
    until: datetime | None = None


class SweepProgressBook:
    """Reads and writes the one row.

    Of two sweeps at a time the later word stands: what is done twice is right, too.
    """

    def __init__(self, table: Table) -> None:
        self._table = table

    def read(self) -> SweepProgress | None:
        """Return the last sweep, if there was one."""
        for row in self._table.get_all([keys.sweep()]):
            stage = rows.text(row, "stage")
            return SweepProgress(
                begun_at=parse_iso(str(row["begunAt"])),
                since=parse_iso(str(row["since"])),
                stage=SweepStage(stage) if stage else None,
                until=rows.instant(row, "until"),
            )
        return None

    def write(self, progress: SweepProgress) -> None:
        """Write how far a sweep has come."""
        cells: Cells = {
            "begunAt": progress.begun_at,
            "since": progress.since,
            "stage": progress.stage.value if progress.stage else None,
            "until": progress.until,
        }
        unset = [name for name, value in cells.items() if value is None]
        self._table.transact([Change(keys.sweep(), set=cells, remove=unset)])
