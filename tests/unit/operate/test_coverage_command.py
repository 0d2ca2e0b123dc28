"""What `make coverage` prints."""

from datetime import UTC, datetime, timedelta

from infra.operate.coverage import lines
from tollkeeper.rules.coverage import CoverageReport, Requests, UnmappedPath, shown_since

NOW = datetime(2025, 11, 27, 12, 30, tzinfo=UTC)


def test_a_line_says_what_is_to_be_done() -> None:
    """Which path is not mapped, and which host is silent; and what is well in between."""
    told = [
        CoverageReport(
            "shop",
            "p",
            NOW.replace(minute=0),
            Requests({"apiCalls": 7}, excused=2, unmapped=1),
            [UnmappedPath("DELETE", "/api/designs/*", 1)],
            told_at=NOW,
        ),
        CoverageReport("mail", "q", NOW.replace(hour=3), Requests(), told_at=NOW - timedelta(hours=8)),
    ]
    assert [
        "All hosts: 90.00 % metered or excused, of 10 requests in all",
        "             7  apiCalls",
        "             2  excused",
        "             0  reads",
        "             0  failed",
        "             0  refused",
        "             0  nobody",
        "             1  unmapped",
        "SILENT  mail has told nothing since 2025-11-27 04:30 UTC",
        "shop: 90.00 % metered or excused, of 10 requests in all, processes: 1",
        "NOT MAPPED  shop: DELETE /api/designs/*, 1 times",
    ] == [*lines(shown_since(told, NOW - timedelta(hours=24), NOW))]
