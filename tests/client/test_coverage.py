"""What a process tells of its requests: each once, under its hour, whatever becomes of the telling."""

import multiprocessing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client.conftest import MakeTollkeeper, client_of
from tests.fakes.tollkeeper_api import TollkeeperApi
from tollkeeper.client import RequestOutcome, Seen, Tollkeeper
from tollkeeper.client.coverage import LONGEST_PATH, MOST_PATHS, shape_of

HOUR = 3_600.0
NOON = 1_764_244_800.0
"""2025-11-27T12:00:00Z."""


class HandClock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOON + 60

    def __call__(self) -> float:
        """Return what it says."""
        return self.now


@pytest.fixture
def clock() -> HandClock:
    """A minute past noon."""
    return HandClock()


@pytest.fixture
def told(make: MakeTollkeeper, clock: HandClock) -> Tollkeeper:
    """A client of the host `shop`."""
    return make(host="shop", clock=clock)


def saw(
    tollkeeper: Tollkeeper,
    outcome: RequestOutcome,
    method: str = "POST",
    path: str = "/api/designs",
    metric: str | None = None,
) -> None:
    """End a request."""
    tollkeeper.saw(Seen(method, path, metric, outcome))


def reports(api: TollkeeperApi) -> list[dict[str, Any]]:
    """Return what was told of each process and hour last, without the process."""
    bodies = sorted(api.coverage.values(), key=lambda each: each["hour"])
    return [{name: value for name, value in each.items() if name != "process"} for each in bodies]


def test_an_hour_is_told_when_it_is_over(api: TollkeeperApi, told: Tollkeeper, clock: HandClock) -> None:
    """By metric and outcome; while it goes on nothing is told."""
    for _ in range(3):
        saw(told, RequestOutcome.METERED, metric="designsCreated")
    saw(told, RequestOutcome.REFUSED, metric="designsCreated")
    saw(told, RequestOutcome.FAILED)
    saw(told, RequestOutcome.EXCUSED)
    saw(told, RequestOutcome.UNMAPPED, method="GET")
    saw(told, RequestOutcome.UNMAPPED, method="DELETE", path="/api/designs/81")
    saw(told, RequestOutcome.UNMAPPED, method="DELETE", path="/api/designs/82")
    assert (True, []) == (told.flush(), reports(api))
    clock.now += HOUR
    assert told.flush()
    assert [
        {
            "host": "shop",
            "hour": "2025-11-27T12:00:00Z",
            "metered": {"designsCreated": 3},
            "refused": 1,
            "failed": 1,
            "excused": 1,
            "reads": 1,
            "unmapped": 2,
            "unmappedPaths": [{"method": "DELETE", "path": "/api/designs/*", "requests": 2}],
        }
    ] == reports(api)


def test_the_end_of_a_process_tells_the_rest(api: TollkeeperApi, told: Tollkeeper, clock: HandClock) -> None:
    """The hour that goes on, too; and a process that nobody asked anything says that it was there."""
    saw(told, RequestOutcome.EXCUSED)
    clock.now += HOUR
    told.flush()
    assert told.close()
    assert [("2025-11-27T12:00:00Z", 1), ("2025-11-27T13:00:00Z", None)] == [
        (each["hour"], each.get("excused")) for each in reports(api)
    ]


@pytest.mark.parametrize("fault", ["before", "after", "cut", "429"])
def test_what_cannot_be_told_is_told_later(
    api: TollkeeperApi, told: Tollkeeper, clock: HandClock, fault: str
) -> None:
    """While it fails requests are counted on, and nothing else waits for it."""
    api.fault = lambda path: fault if path == "/coverage" else ""
    saw(told, RequestOutcome.EXCUSED)
    clock.now += HOUR
    told.track("ada", "apiCalls")
    assert (True, 1) == (told.flush(), api.counted("ada", "apiCalls"))
    api.fault = lambda _: ""
    saw(told, RequestOutcome.EXCUSED)
    assert told.close()
    assert [1, 1] == [each["excused"] for each in reports(api)]


@pytest.mark.parametrize("status", [404, 422])
def test_what_is_refused_for_good_is_not_told_again(
    api: TollkeeperApi, told: Tollkeeper, clock: HandClock, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """A Tollkeeper that is older than its client has no such call."""
    monkeypatch.setattr(api, "call", lambda *_: (status, {}))
    saw(told, RequestOutcome.EXCUSED)
    clock.now += HOUR
    told.flush()
    told.flush()
    assert 1 == api.calls["POST /coverage"]


def test_an_hour_names_no_more_paths_than_a_report_may(api: TollkeeperApi, told: Tollkeeper) -> None:
    """All requests are counted, and each path is as long as it may be."""
    for number in range(3 * MOST_PATHS):
        name = "abcdefghijklmnopqrstuvwxyz"[number % 26] * (1 + number // 26)
        saw(told, RequestOutcome.UNMAPPED, path=f"/{name}" + "/long" * 100)
    told.close()
    (report,) = reports(api)
    assert (3 * MOST_PATHS, MOST_PATHS) == (report["unmapped"], len(report["unmappedPaths"]))
    assert {LONGEST_PATH} == {len(each["path"]) for each in report["unmappedPaths"]}


def _tell_of_one(tollkeeper: Tollkeeper) -> None:
    saw(tollkeeper, RequestOutcome.EXCUSED)
    tollkeeper.close()


def test_a_forked_child_tells_of_its_own(api: TollkeeperApi) -> None:
    """Parent and child are two processes, and no request is told by both."""
    tollkeeper = client_of(api, host="shop", clock=HandClock())
    saw(tollkeeper, RequestOutcome.EXCUSED)
    child = multiprocessing.get_context("fork").Process(target=_tell_of_one, args=(tollkeeper,))
    child.start()
    child.join(20)
    tollkeeper.close()
    assert (2, [1, 1]) == (
        len({process for process, _ in api.coverage}),
        [each["excused"] for each in reports(api)],
    )


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/api/designs", "/api/designs"),
        ("/api/v2/designs/81/copy", "/api/v2/designs/*/copy"),
        ("/api/users/5f0c2a9e-1b1d-4c3e-9b0a-0c5a4e1d2f3b", "/api/users/*"),
        ("/files/" + "x" * 33, "/files/*"),
        ("", "/"),
    ],
)
def test_ids_are_no_part_of_a_path(path: str, expected: str) -> None:
    """So that ten thousand designs are one path."""
    assert expected == shape_of(path)


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=400))
def test_any_path_has_a_shape_that_may_be_told(path: str) -> None:
    """One to 200 characters, each of which can be sent."""
    shape = shape_of(path)
    assert 1 <= len(shape) <= LONGEST_PATH
    shape.encode()
