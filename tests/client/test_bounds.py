"""What the client costs a host at worst: time, memory, and what is lost when it dies (DESIGN rule 16)."""

import logging
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client.conftest import PATIENCE, MakeTollkeeper
from tests.fakes.tollkeeper_api import TollkeeperApi
from tollkeeper.client import PermissionState, Tollkeeper

ROOT = Path(__file__).parents[2]
INTERVAL = 0.5
PACE = 0.002

HOST = """
import sys, time
from tollkeeper.client import ClientCredentials, Tollkeeper
url, interval, pace, ending = sys.argv[1], float(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
tollkeeper = Tollkeeper(url, ClientCredentials(f"{url}/token", "host", "secret"), interval=interval)
if ending == "SIGTERM":
    tollkeeper.exit_on_sigterm()
for number in range(1, 1_000_000):
    tollkeeper.track("ada", "apiCalls")
    print(number, flush=True)
    if ending == "return" and number == 50:
        break
    time.sleep(pace)
"""
"""A host that says each call that it has counted."""


@contextmanager
def host(api: TollkeeperApi, ending: str) -> Iterator[subprocess.Popen[str]]:
    """Run the host; it is killed in the end, if it has not ended."""
    command = [sys.executable, "-c", HOST, api.url, str(INTERVAL), str(PACE), ending]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "shared")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:  # noqa: S603 - our own interpreter
        try:
            yield process
        finally:
            process.kill()


def said(process: subprocess.Popen[str]) -> int:
    """Return how many calls a host that has ended has counted."""
    assert process.stdout
    return int(re.findall(r"\d+\n", process.stdout.read())[-1])


def test_what_is_lost_when_the_host_is_killed_is_one_flush_interval(
    api: TollkeeperApi, record_property: Callable[[str, object], None]
) -> None:
    """Without a word, by SIGKILL: what it had counted since the last flush, and nothing before."""
    with host(api, "SIGKILL") as process:
        _until(lambda: api.calls["POST /usage"] >= 3)
        time.sleep(INTERVAL * 0.8)
        process.kill()
        lost = said(process) - api.counted("ada", "apiCalls")
    most = 1.5 * INTERVAL / PACE
    record_property("calls lost", lost)
    assert 0 <= lost <= most, f"{lost} calls were lost, and {most} are an interval"


@pytest.mark.parametrize("ending", ["SIGTERM", "return"])
def test_nothing_is_lost_when_the_host_ends_in_order(api: TollkeeperApi, ending: str) -> None:
    """At its end, and when it is asked to end, it sends what waits."""
    with host(api, ending) as process:
        if ending == "SIGTERM":
            _until(lambda: api.calls["POST /usage"] >= 1)
            process.send_signal(signal.SIGTERM)
        process.wait(10)
        counted = said(process)
    assert counted - 1 <= api.counted("ada", "apiCalls") <= counted + 1  # it may be stopped before it says so


def _until(is_true: Callable[[], bool]) -> None:
    for _ in range(400):
        if is_true():
            return
        time.sleep(0.02)
    pytest.fail("it never came true")


def test_nobody_waits_longer_than_the_bound(api: TollkeeperApi, make: MakeTollkeeper) -> None:
    """Slow answers are not waited for, and after three nobody waits at all."""
    api.fault = lambda _: "slow"
    tollkeeper = make()
    tollkeeper.check("ada", "apiCalls")  # fetches the token
    begun = time.monotonic()
    states = []
    for _ in range(20):
        permission = tollkeeper.consume("ada", "designsCreated")
        states.append(permission.state)
        tollkeeper.settle(permission, succeeded=False)
    assert time.monotonic() - begun < 4 * PATIENCE
    assert {PermissionState.NOT_ANSWERED, PermissionState.NOT_ASKED} == set(states)


def test_memory_is_bounded_and_what_is_lost_is_told(
    make: MakeTollkeeper, caplog: pytest.LogCaptureFixture
) -> None:
    """Past the most that may wait, new sums are dropped, logged and counted; the others still grow."""
    tollkeeper = make(most_waiting=10)
    for _ in range(2):
        for number in range(12):
            tollkeeper.track(f"user-{number}", "apiCalls", 5)
    pending = tollkeeper.pending()
    assert (10, {"apiCalls": 100}, {"apiCalls": 20}) == (pending.open, pending.quantities, pending.dropped)
    lost = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert [("user-10", 5), ("user-11", 5)] * 2 == [(each.user, each.quantity) for each in lost]  # type: ignore[attr-defined]


def test_data_gives_way_to_counts(make: MakeTollkeeper) -> None:
    """From half of the most on, what has data is summed without it."""
    tollkeeper = make(most_waiting=10)
    for number in range(40):
        tollkeeper.track("ada", "apiCalls", data={"number": number})
    pending = tollkeeper.pending()
    assert (1, 5, {"apiCalls": 40}, {}) == (
        pending.open,
        pending.sealed,
        pending.quantities,
        pending.dropped,
    )


def test_what_is_refused_for_good_is_told_and_stops_nothing(
    api: TollkeeperApi, tollkeeper: Tollkeeper, caplog: pytest.LogCaptureFixture
) -> None:
    """A record that Tollkeeper will never take is logged whole; what it will take later waits."""
    api.rejections = {"eve": ("timestamp_out_of_range", False), "bob": ("unavailable", True)}
    for user in ("ada", "bob", "eve"):
        tollkeeper.track(user, "apiCalls", 3)
    assert not tollkeeper.flush(0.5)
    api.rejections.pop("bob")
    assert tollkeeper.flush()
    assert {"apiCalls": 3} == tollkeeper.pending().refused
    assert (3, 3) == (api.counted("ada", "apiCalls"), api.counted("bob", "apiCalls"))
    (told,) = [each for each in caplog.records if each.levelno == logging.CRITICAL]
    assert '"userId":"eve"' in told.record  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("user", "metric", "quantity"),
    [
        ("", "apiCalls", 1),
        ("x" * 257, "apiCalls", 1),
        ("\ud800", "apiCalls", 1),
        (None, "apiCalls", 1),
        ("ada", "apicalls", 1),
        ("ada", "apiCalls", 0),
        ("ada", "apiCalls", True),
        ("ada", "apiCalls", 1.5),
    ],
)
def test_what_cannot_be_counted_breaks_nothing(
    tollkeeper: Tollkeeper,
    caplog: pytest.LogCaptureFixture,
    user: str,
    metric: str,
    quantity: int,
) -> None:
    """Neither tracking nor consuming raises; the log says what was wrong."""
    tollkeeper.track(user, metric, quantity)
    permission = tollkeeper.consume(user, metric, quantity)
    tollkeeper.settle(permission, succeeded=True)
    assert (True, True) == (permission.allowed, tollkeeper.pending().is_empty)
    assert 2 == sum(each.levelno == logging.ERROR for each in caplog.records)


def test_bad_data_and_facilities_are_left_out(api: TollkeeperApi, tollkeeper: Tollkeeper) -> None:
    """The count is what matters: it is kept without what would have it refused."""
    deep: dict[str, object] = {}
    for _ in range(40):
        deep = {"deeper": deep}
    for data in ({"big": "x" * 5_000}, {"half": "\ud800"}, {"no": object()}, {"nan": float("nan")}, deep):
        tollkeeper.track("ada", "apiCalls", facility="x" * 129, data=data)
    assert tollkeeper.flush()
    assert (5, 1) == (api.counted("ada", "apiCalls"), api.records)
