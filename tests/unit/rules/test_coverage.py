"""What share of requests is metered, which hosts are silent, and what nobody has mapped."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollkeeper.rules.coverage import (
    CoverageReport,
    Requests,
    UnmappedPath,
    fitting_hour,
    of_gaps,
    shown_since,
)
from tollkeeper.rules.fields import InvalidFieldError

NOW = datetime(2025, 11, 27, 12, 30, tzinfo=UTC)
HOUR = timedelta(hours=1)

counts = st.integers(0, 10**9)
requests = st.builds(
    Requests,
    st.dictionaries(st.sampled_from(["apiCalls", "exports"]), counts),
    counts,
    counts,
    counts,
    counts,
    counts,
    counts,
)


def report(
    host: str, hours_ago: int, seen: Requests, *paths: UnmappedPath, process: str = "p"
) -> CoverageReport:
    """Return a report that was told when its hour was over."""
    hour = NOW.replace(minute=0) - hours_ago * HOUR
    return CoverageReport(host, process, hour, seen, paths, told_at=hour + HOUR)


@pytest.mark.parametrize(
    ("seen", "share"),
    [
        (Requests(), None),
        (Requests(reads=5, failed=2, refused=1), None),
        (Requests({"apiCalls": 3}, excused=1, failed=9, reads=9), 1.0),
        (Requests({"apiCalls": 1}, unmapped=1), 0.5),
        (Requests({"apiCalls": 1}, nobody=3), 0.25),
        (Requests({"apiCalls": 99_999}, unmapped=1), 0.9999),
    ],
)
def test_the_share_is_of_what_had_to_be_counted(seen: Requests, share: float | None) -> None:
    """What failed, was refused or only reads owes nothing; one that is missing is never rounded away."""
    assert share == seen.share


@given(st.lists(requests, max_size=5))
def test_requests_add_up(several: list[Requests]) -> None:
    """No request is in two kinds, or in none; a share lies between nothing and all."""
    together = Requests.together(several)
    assert sum(each.total for each in several) == together.total
    assert together.share is None or 0 <= together.share <= 1
    assert (1.0 == together.share) == (
        together.unmapped == together.nobody == 0 and bool(sum(together.metered.values()) + together.excused)
    )


def test_a_host_that_tells_nothing_for_two_hours_is_silent() -> None:
    """All its processes have one name: while one of them tells, it is not."""
    told = [
        report("shop", 5, Requests(excused=1), process="old"),
        report("shop", 1, Requests(excused=2), process="new"),
        report("mail", 3, Requests(excused=4)),
        report("gone", 100, Requests(excused=8)),
    ]
    seen = shown_since(told, NOW - 24 * HOUR, NOW)
    assert [("gone", 0, True, 0), ("mail", 1, True, 4), ("shop", 2, False, 3)] == [
        (each.host, each.processes, each.silent, each.requests.excused) for each in seen.hosts
    ]
    assert 7 == seen.requests.total


def test_paths_that_nobody_has_mapped_are_added_up() -> None:
    """By host, method and path, those with the most requests first."""
    told = [
        report(
            "shop", 1, Requests(unmapped=3), UnmappedPath("DELETE", "/a", 1), UnmappedPath("PUT", "/a", 2)
        ),
        report("shop", 2, Requests(unmapped=4), UnmappedPath("DELETE", "/a", 4)),
        report("mail", 2, Requests(unmapped=1), UnmappedPath("DELETE", "/a", 1)),
    ]
    paths = shown_since(told, NOW - 24 * HOUR, NOW).unmapped_paths
    assert [("shop", "DELETE", 5), ("shop", "PUT", 2), ("mail", "DELETE", 1)] == [
        (each.host, each.method, each.requests) for each in paths
    ]


def test_two_hundred_paths_are_shown() -> None:
    """More than anybody reads, and no answer without end."""
    paths = [UnmappedPath("GET", f"/{number}", 1) for number in range(201)]
    told = [report("shop", 1, Requests(unmapped=201), *paths)]
    assert 200 == len(shown_since(told, NOW - 24 * HOUR, NOW).unmapped_paths)


def test_a_gap_is_one_whoever_tells_of_it_and_when() -> None:
    """Its announcement bears one id, and is of no user."""
    path = UnmappedPath("DELETE", "/a", 1)
    (first,) = of_gaps(report("shop", 1, Requests(unmapped=1), path), at=NOW)
    (again,) = of_gaps(report("shop", 9, Requests(unmapped=1), path, process="other"), at=NOW + HOUR)
    (others,) = of_gaps(report("mail", 1, Requests(unmapped=1), path), at=NOW)
    assert (first.id, None) == (again.id, first.user_id)
    assert others.id != first.id
    assert {"host": "shop", "method": "DELETE", "path": "/a", "hour": "2025-11-27T11:00:00Z"} == first.detail


@pytest.mark.parametrize("ago", [timedelta(minutes=30), timedelta(days=6, minutes=30)])
def test_an_hour_of_the_last_week_may_be_told(ago: timedelta) -> None:
    """Also the one that goes on."""
    assert NOW - ago == fitting_hour(NOW - ago, NOW)


@pytest.mark.parametrize(
    "ago",
    [timedelta(days=8, minutes=30), timedelta(minutes=-30), timedelta(0), timedelta(minutes=30, seconds=1)],
)
def test_no_other_hour_may_be_told(ago: timedelta) -> None:
    """Neither one long ago, nor one to come, nor what is none."""
    with pytest.raises(InvalidFieldError):
        fitting_hour(NOW - ago, NOW)
