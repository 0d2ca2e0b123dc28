"""POST and GET /coverage as a host calls them."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from functions.coverage.app import handler
from tests.examples import NOW
from tests.fakes.api_gateway import Answer, call
from tests.fakes.runtime import made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tollkeeper.rules.times import epoch, iso

HOUR = NOW.replace(minute=0, second=0, microsecond=0)


@pytest.fixture
def table() -> Iterator[MemoryTable]:
    """The ledger's table, which the function is made of."""
    table = MemoryTable()
    with made_of(table, FakeSqs(), FakeStripe(), NOW):
        yield table


def report(**other: object) -> dict[str, Any]:
    """Return a report of one path that nobody has mapped."""
    path = {"method": "DELETE", "path": "/api/designs/*", "requests": 2}
    usual = {"host": "shop", "process": "p-1", "hour": iso(HOUR), "metered": {"apiCalls": 5}, "excused": 1}
    return {**usual, "unmapped": 2, "unmappedPaths": [path], **other}


def tell(**other: object) -> Answer:
    """Tell it."""
    return call(handler, "POST", "/coverage", report(**other))


def shown(question: str = "") -> Any:  # noqa: ANN401 - JSON
    """Return what is shown."""
    return call(handler, "GET", f"/coverage{question}").body


@pytest.mark.usefixtures("table")
def test_what_was_told_is_shown() -> None:
    """The share, each host, and the paths that nobody has mapped."""
    assert (200, {"kept": True}) == tell()[:2]
    seen = shown()
    assert (8, 0.75, {"apiCalls": 5}) == tuple(
        seen["requests"][name] for name in ("total", "share", "metered")
    )
    assert [{"host": "shop", "method": "DELETE", "path": "/api/designs/*", "requests": 2}] == seen[
        "unmappedPaths"
    ]
    (host,) = seen["hosts"]
    assert ("shop", 1, False, seen["requests"]) == (
        host["host"],
        host["processes"],
        host["silent"],
        host["requests"],
    )


def test_an_hour_of_a_process_is_one_row(table: MemoryTable) -> None:
    """The same again changes nothing, more takes its place, and what comes late takes nothing back."""
    tell()
    rows = json.dumps(sorted(table.rows.items()), default=str)
    assert (True, rows) == (tell().body["kept"], json.dumps(sorted(table.rows.items()), default=str))
    assert tell(excused=9).body["kept"]
    assert not tell(excused=8).body["kept"]
    assert 9 == shown()["requests"]["excused"]
    tell(process="p-2")
    assert 10 == shown()["requests"]["excused"]


def test_a_gap_is_announced_once(table: MemoryTable) -> None:
    """Whichever process tells, and however often."""
    for process in ("p-1", "p-2", "p-1"):
        tell(process=process)
    announced = [row for key, row in table.rows.items() if key.sk.startswith("ANNOUNCEMENT#")]
    assert ["coverage.gap"] == [row["kind"] for row in announced]


def test_what_is_unmapped_is_a_metric(table: MemoryTable, capsys: pytest.CaptureFixture[str]) -> None:
    """The alarm listens to it; where all is mapped nothing is told."""
    tell(unmapped=0, unmappedPaths=[])
    assert "RequestsUnmapped" not in capsys.readouterr().out
    tell(process="p-2")
    assert '"RequestsUnmapped":[2.0]' in capsys.readouterr().out.replace(" ", "")
    assert table.rows


@pytest.mark.parametrize(
    "bad",
    [
        {"hour": iso(HOUR + timedelta(minutes=1))},
        {"hour": iso(HOUR + timedelta(hours=2))},
        {"hour": iso(HOUR - timedelta(days=8))},
        {"hour": 5},
        {"process": "p#1"},
        {"process": ""},
        {"host": ""},
        {"host": "x" * 129},
        {"metered": {"api calls": 1}},
        {"metered": {"apiCalls": -1}},
        {"metered": {f"m{number}": 1 for number in range(501)}},
        {"excused": "1"},
        {"unmapped": 1.5},
        {"unmappedPaths": [{"method": "DELETE", "path": "/a", "requests": 1}] * 51},
        {"unmappedPaths": [{"method": "DELETE", "path": "/" + "a" * 200, "requests": 1}]},
        {"unmappedPaths": [{"method": "delete it", "path": "/a", "requests": 1}]},
        {"unmappedPaths": [{"method": "DELETE", "path": "/a", "requests": 0}]},
        {"strange": 1},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(table: MemoryTable, bad: dict[str, Any]) -> None:
    """422, and nothing is kept."""
    assert (422, {}) == (tell(**bad).status, table.rows)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("hours", ["0", "169", "x"])
def test_no_other_number_of_hours_is_shown(hours: str) -> None:
    """A week at most."""
    assert 422 == call(handler, "GET", f"/coverage?hours={hours}").status


@pytest.mark.usefixtures("table")
def test_hours_are_left_out_that_were_not_asked_for() -> None:
    """A host that told before them is still shown."""
    tell(hour=iso(HOUR - timedelta(hours=9)))
    seen = shown("?hours=3")
    assert (0, None, ["shop"]) == (
        seen["requests"]["total"],
        seen["requests"]["share"],
        [each["host"] for each in seen["hosts"]],
    )
    assert 8 == shown("?hours=10")["requests"]["total"]


def test_what_was_told_is_kept_for_35_days(table: MemoryTable) -> None:
    """From its hour on; DynamoDB takes it away then."""
    tell()
    (row,) = (row for row in table.rows.values() if str(row["sk"]).startswith("TOLD#"))
    assert epoch(HOUR + timedelta(days=35)) == row["expiresAt"]
