"""The example host beside the deployed stack: what should become a number does, and nothing else."""

import re
from collections import Counter
from typing import Any

import httpx
import pytest

from infra.local.places import Home
from tests.e2e.callers import Callers, soon
from tests.e2e.operators import operate
from tests.fakes.host_requests import TWENTY

HOST = "example-host"


KINDS = ("refused", "failed", "reads")


@pytest.fixture(scope="module", autouse=True)
def before(host: httpx.Client, callers: Callers) -> Counter[str]:  # noqa: ARG001 - it has begun, and was asked nothing
    """What hosts of its name had told of their requests before this one began."""
    return told(callers)


def told(callers: Callers) -> Counter[str]:
    """Return how many requests the hosts of this name have told of, by what became of them."""
    seen = callers.service.get("/coverage", params={"hours": 168}).json()
    requests = [each["requests"] for each in seen["hosts"] if each["host"] == HOST]
    return Counter(
        {
            kind: sum(sum(each[kind].values()) if kind == "metered" else each[kind] for each in requests)
            for kind in ("total", "unmapped", "metered", *KINDS)
        }
    )


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


def test_what_fails_does_not_count(host: httpx.Client, callers: Callers, user: str) -> None:
    """Neither what is counted before nor what is counted after; nor does what only reads."""
    statuses = {ask(host, user, each.method, each.path, **each.bad) for each in TWENTY}
    assert {422, 404} == statuses
    assert 200 == ask(host, user, "GET", "/api/designs")
    assert 200 == ask(host, user, "POST", "/api/projects", json={"name": "the last one"})
    assert has_used(callers, user, {"apiCalls": 1})


def test_coverage_agrees_with_the_hosts_own_access_log(
    host: httpx.Client, callers: Callers, user: str, home: Home, before: Counter[str]
) -> None:
    """Request by request, as the host's server has written it down; at its end the host tells all of it."""
    assert 200 == ask(host, user, "POST", "/api/rooms", json={"name": "one"})
    designs = [ask(host, user, "POST", "/api/designs", json={"name": "one"}) for _ in range(4)]
    assert [200, 200, 200, 402] == designs
    home.example_host.stop()
    log = re.findall(r'"([A-Z]+) (\S+) HTTP/1\.1" (\d+)', home.example_host.log.read_text())
    kinds: Counter[str] = Counter()
    for method, target, status in log:
        mapped = method != "GET" or "/dashboard" in target
        kinds["refused" if status == "402" else "failed" if status >= "400" else _kind(mapped=mapped)] += 1
    assert {*KINDS, "metered"} == kinds.keys()
    assert {"total": len(log), **kinds} == told(callers) - before
    assert f"{HOST}: 100.00 % metered or excused" in operate(home, "coverage", "--hours", "168")


def _kind(*, mapped: bool) -> str:
    return "metered" if mapped else "reads"
