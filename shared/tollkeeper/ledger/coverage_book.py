"""The book of coverage: one row for each process and hour, and what it announces."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta

from tollkeeper.ledger import entry_rows, keys, rows
from tollkeeper.ledger.table import Cells, Change, Row, Table, TransactionCancelledError, at_most
from tollkeeper.rules.coverage import KINDS, CoverageReport, Requests, UnmappedPath, of_gaps
from tollkeeper.rules.times import epoch, parse_iso

LIFETIME = timedelta(days=35)
"""How long a report is kept."""


class CoverageBook:
    """Keeps what processes tell, and returns it by day."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, report: CoverageReport, now: datetime) -> bool:
        """Keep a report and announce its gaps, in one write; False if a later one of its hour is kept.

        The numbers of an hour only grow, so that of two reports the one with more requests is the later.

        Raises:
            TransactionCancelledError, UnavailableError: it may not have been kept; the same again is right.
        """
        key = keys.coverage(report.hour, report.process)
        is_later = at_most("requests", report.requests.total)
        kept = Change(key, set=_row(report, now), only_if=[is_later])
        gaps = [
            Change(keys.announcement(each.user_id, each.id), begin=entry_rows.announcement(each))
            for each in of_gaps(report, at=now)
        ]
        try:
            self._table.transact([kept, *gaps])
        except TransactionCancelledError as error:
            if error.only_by_condition:
                return False
            raise
        return True

    def told(self, first: datetime, last: datetime) -> Iterator[CoverageReport]:
        """Return what was told of the days from the first instant's to the last one's."""
        day = first
        while day.date() <= last.date():
            yield from map(_report, self._table.query(*keys.coverage_of(day)))
            day += timedelta(days=1)


def _row(of: CoverageReport, now: datetime) -> Cells:
    return {
        "host": of.host,
        "process": of.process,
        "hour": of.hour,
        "toldAt": now,
        "requests": of.requests.total,
        "metered": json.dumps(of.requests.metered, separators=(",", ":")),
        **{name: getattr(of.requests, name) for name in KINDS},
        "paths": json.dumps(
            [[each.method, each.path, each.requests] for each in of.paths], separators=(",", ":")
        ),
        "expiresAt": epoch(of.hour + LIFETIME),
    }


def _report(row: Row) -> CoverageReport:
    counts = {name: int(row[name]) for name in KINDS}
    return CoverageReport(
        host=str(row["host"]),
        process=str(row["process"]),
        hour=parse_iso(str(row["hour"])),
        requests=Requests(json.loads(str(row["metered"])), **counts),
        paths=[UnmappedPath(*each) for each in json.loads(str(row["paths"]))],
        told_at=rows.instant(row, "toldAt"),
    )
