"""How coverage is told and shown (DESIGN §5, the client)."""

from datetime import datetime, timedelta

from tollkeeper.ledger.coverage_book import CoverageBook
from tollkeeper.rules.coverage import REMEMBERED, CoverageReport, CoverageShown, fitting_hour, shown_since
from tollkeeper.telemetry import logger


class CoverageTelling:
    """Takes what processes tell, and shows it of all hosts."""

    def __init__(self, book: CoverageBook) -> None:
        self._book = book

    def take(self, report: CoverageReport, now: datetime) -> bool:
        """Keep what a process has seen in an hour; False if it has told more of that hour already.

        Raises:
            InvalidFieldError: the hour is none, or none that may be told now.
        """
        fitting_hour(report.hour, now)
        if not self._book.put(report, now):
            return False
        for each in report.paths:
            told = {"host": report.host, "method": each.method, "path": each.path, "requests": each.requests}
            logger.warning("A host answers what nobody has mapped", extra=told)
        return True

    def show(self, hours: int, now: datetime) -> CoverageShown:
        """Return what was seen in the last so many hours, and which hosts of the last week are silent."""
        return shown_since(self._book.told(now - REMEMBERED, now), now - timedelta(hours=hours), now)
