"""The example host beside the deployed stack: what should become a number does, and nothing else."""

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from infra.local.places import ROOT, Home
from infra.local.sam import STACK_NAME
from tests.e2e.callers import Callers, soon
from tests.e2e.operators import operate
from tests.fakes.host_requests import TWENTY

HOST = "example-host"


@pytest.fixture(scope="module")
def host(home: Home) -> Iterator[httpx.Client]:
    """The host, started as `make up HOST=1` does."""
    subprocess.run(
        [sys.executable, "-m", "infra.local", "up", "--host"],
        env=os.environ | {"TOLLKEEPER_LOCAL": str(home.folder)},
        cwd=ROOT,
        check=True,
    )
    with httpx.Client(base_url=home.host_file.read_text().strip(), timeout=30, trust_env=False) as client:
        yield client
    home.example_host.stop()


def used(callers: Callers, user: str) -> dict[str, int]:
    """Return what somebody has used, without what they have not."""
    answer = callers.service.get(f"/users/{user}/subscription").json()
    return {metric: number for metric, number in answer["usage"].items() if number}


def has_used(callers: Callers, user: str, expected: dict[str, int]) -> bool:
    """Whether this is all that somebody has used, soon."""
    return expected == soon(lambda: used(callers, user), lambda seen: seen == expected)


def ask(host: httpx.Client, user: str, method: str, path: str, **sent: Any) -> int:  # noqa: ANN401 - as httpx has it
    """Send a request of somebody's, and return its status."""
    return host.request(method, path, headers={"x-user": user}, **sent).status_code


def test_each_of_the_twenty_endpoints_counts_as_its_metric(
    host: httpx.Client, callers: Callers, user: str
) -> None:
    """To the unit, each for a user of its own; nothing else is counted."""
    for number, each in enumerate(TWENTY):
        for _ in range(2):
            assert 200 == ask(host, f"{user}-{number}", each.method, each.path, **each.good)
    for number, each in enumerate(TWENTY):
        assert has_used(callers, f"{user}-{number}", {each.metric: 2})


def test_what_fails_does_not_count(host: httpx.Client, callers: Callers, user: str) -> None:
    """Neither what is counted before nor what is counted after; nor does what only reads."""
    statuses = {ask(host, user, each.method, each.path, **each.bad) for each in TWENTY}
    assert {422, 404} == statuses
    assert 200 == ask(host, user, "GET", "/api/designs")
    assert 200 == ask(host, user, "POST", "/api/projects", json={"name": "the last one"})
    assert has_used(callers, user, {"apiCalls": 1})


def test_what_is_refused_is_answered_402_and_does_not_count(
    host: httpx.Client, callers: Callers, user: str
) -> None:
    """Of the free plan's three designs, and of its five exports at three addresses."""
    designs = [ask(host, user, "POST", "/api/designs", json={"name": "one"}) for _ in range(5)]
    places = [f"/api/{each}/export" for each in ("design", "projects", "reports")]
    exports = [ask(host, user, "POST", path, json={"name": "one"}) for path in places * 2]
    assert ([200] * 3 + [402] * 2, [200] * 5 + [402]) == (designs, exports)
    refusal = host.post("/api/designs", json={"name": "one"}, headers={"x-user": user}).json()
    assert ("Usage limit exceeded", 3) == (refusal["error"], refusal["limit"])
    assert refusal["upgradeUrl"].endswith("/pricing")
    assert {"designsCreated": 3, "exports": 5} == used(callers, user)


def test_coverage_agrees_with_the_hosts_own_access_log(
    host: httpx.Client, callers: Callers, user: str, home: Home
) -> None:
    """Request by request, as the host's server has written it down; at its end the host tells all of it."""
    assert 200 == ask(host, user, "POST", "/api/rooms", json={"name": "one"})
    home.example_host.stop()
    log = re.findall(r'"([A-Z]+) (\S+) HTTP/1\.1" (\d+)', home.example_host.log.read_text())
    kinds: Counter[str] = Counter()
    for method, target, status in log:
        mapped = method != "GET" or "/dashboard" in target
        kinds["refused" if status == "402" else "failed" if status >= "400" else _kind(mapped=mapped)] += 1
    seen = callers.service.get("/coverage", params={"hours": 168}).json()
    (told,) = [each for each in seen["hosts"] if each["host"] == HOST]
    requests = told["requests"]
    assert len(log) == requests["total"]
    assert dict(kinds) == {
        "metered": sum(requests["metered"].values()),
        **{name: requests[name] for name in ("refused", "failed", "reads")},
    }
    assert (1.0, False, 0) == (requests["share"], told["silent"], requests["unmapped"])
    printed = operate_coverage(home)
    assert f"{HOST}: 100.00 % metered or excused" in printed


def operate_coverage(home: Home) -> str:
    """Return what `make coverage` prints."""
    return operate(home.stack, "coverage", "--stack", STACK_NAME, "--hours", "168")


def _kind(*, mapped: bool) -> str:
    return "metered" if mapped else "reads"
