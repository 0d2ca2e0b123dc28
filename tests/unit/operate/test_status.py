"""The figures that operators look at, and which of them are to be seen to."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws
from rich.console import Console

from infra.operate.status import backlog
from infra.operate.status.command import shown
from infra.operate.status.figures import Figure, at_most
from infra.operate.status.metrics import DAY, Metric, Metrics
from tests.fakes.table import MemoryTable
from tests.ledger.tables import CREDENTIALS
from tollkeeper.rules.coverage import CoverageReport, Requests, UnmappedPath, shown_since

NOW = datetime(2025, 11, 27, 12, 30, tzinfo=UTC)


def by_name(figures: object) -> dict[str, tuple[object, bool]]:
    """Return figures by their names: the value, and whether it is well."""
    return {each.name: (each.value, each.is_well) for each in figures}  # type: ignore[attr-defined]


@pytest.mark.parametrize(("value", "is_well"), [(None, True), (0, True), (5, True), (5.1, False)])
def test_a_figure_is_to_be_seen_to_beyond_its_bound(value: float | None, *, is_well: bool) -> None:
    """What nobody counted is not; and the note is there where something is to be done."""
    figure = at_most("queues", "oldest", value, 5, "s", "look")
    assert (is_well, "" if is_well else "look") == (figure.is_well, figure.note)


def test_text_names_what_is_to_be_seen_to() -> None:
    """At a glance, and in the last line; what was not counted says so."""
    answer = shown("shop", [Figure("queues", "waiting", 1_200), Figure("queues", "oldest", None, "s")], NOW)
    console = Console(record=True, width=120)
    answer.text(console)
    said = console.export_text()
    assert "1,200" in said
    assert "not counted" in said
    assert "shop, 2025-11-27 12:30 UTC: all is well" in said
    assert answer.is_well
    assert not shown("shop", [Figure("queues", "oldest", 901, "s", is_well=False)], NOW).is_well


def test_an_empty_ledger_has_no_backlog() -> None:
    """And nothing of it is to be seen to."""
    found = by_name(backlog.of_reporter(MemoryTable(), NOW))
    assert (0, True) == found["ended, to be closed"]
    assert (0, True) == found["bills overdue"]


def test_coverage_names_gaps_and_silence() -> None:
    """Both are to be seen to."""
    told = [
        CoverageReport(
            "shop",
            "p",
            NOW.replace(minute=0),
            Requests({"apiCalls": 9}, unmapped=1),
            [UnmappedPath("DELETE", "/api/designs/*", 1)],
            told_at=NOW,
        ),
        CoverageReport("mail", "q", NOW.replace(hour=3), Requests(), told_at=NOW - timedelta(hours=8)),
    ]
    figures = [*backlog.of_coverage(shown_since(told, NOW - timedelta(hours=24), NOW))]
    found = by_name(figures)
    assert (90.0, True) == found["metered or excused"]
    assert (1, False) == found["paths not mapped"]
    assert (1, False) == found["hosts fallen silent"]
    assert "mail" in {each.note for each in figures}


@mock_aws
def test_metrics_are_taken_together_over_their_time() -> None:
    """Sums of the last hour or day, the most of ages; None of what nobody has counted."""
    client = boto3.client("cloudwatch", **CREDENTIALS)
    now = datetime.now(UTC).replace(microsecond=0)
    for minutes, value in ((2, 3.0), (20, 4.0), (600, 5.0)):
        client.put_metric_data(
            Namespace="Tollkeeper",
            MetricData=[
                {
                    "MetricName": "Usage",
                    "Dimensions": [{"Name": "service", "Value": "shop"}],
                    "Timestamp": now - timedelta(minutes=minutes),
                    "Value": value,
                }
            ],
        )
    hour = Metric("Tollkeeper", "Usage", "service", "shop")
    most = hour._replace(stat="Maximum")
    day = hour._replace(over=DAY)
    other = hour._replace(value="another")
    found = Metrics(client, [hour, most, day, other], now)
    assert (7.0, 4.0, 12.0, None) == (found[hour], found[most], found[day], found[other])
