"""The example host in process: wired by one line, audited, and steady while Tollkeeper is away."""

import asyncio
import json
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from functions.quota.app import handler as quota
from functions.reader.app import handler as reader
from infra.example_host import endpoints
from infra.example_host.endpoints import host
from infra.example_host.wiring import metered_host
from tests.client.conftest import SHIPPED, MakeTollkeeper, client_of
from tests.examples import NOW, OFFER
from tests.fakes.api_gateway import SERVICE_CLAIMS, call
from tests.fakes.host_requests import OWN, TWENTY, Endpoint
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.stripe import FakeStripe
from tests.fakes.table import MemoryTable
from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tollkeeper import runtime
from tollkeeper.catalogue import load
from tollkeeper.client import Tollkeeper
from tollkeeper.client.testing import assert_every_route_is_mapped
from tollkeeper.rules.offers import Offer

ACCEPTED = Path(endpoints.__file__).with_name("accepted-routes.txt")
ROUNDS = 15
ROOMS, FIXTURES = 2, 4


def calling(tollkeeper: Tollkeeper) -> httpx.AsyncClient:
    """Return a client of the host."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(metered_host(tollkeeper)), base_url="http://host")


async def ask(client: httpx.AsyncClient, each: Endpoint, user: str = "ada") -> int:
    """Send a good request, and return its status."""
    answer = await client.request(each.method, each.path, headers={"x-user": user}, **each.good)
    return answer.status_code


def test_the_audit_passes() -> None:
    """Each of the host's routes was thought of."""
    assert_every_route_is_mapped(host(), accepted=ACCEPTED)


@pytest.mark.parametrize("gone", [each for each in OWN if each.method == "POST"], ids=lambda each: each.path)
def test_a_mapping_that_is_taken_away_is_missed(gone: Endpoint) -> None:
    """The audit fails, and names the route and no other."""
    catalogue = load()
    line = catalogue.route_for(gone.method, gone.path)
    lacking = replace(catalogue, routes=tuple(each for each in catalogue.routes if each != line))
    with pytest.raises(AssertionError) as failure:
        assert_every_route_is_mapped(host(), catalogue=lacking, accepted=ACCEPTED)
    named = {each.path for each in TWENTY if f"{each.method} {each.path} " in str(failure.value)}
    assert {gone.path} == named


def test_no_request_fails_while_tollkeeper_is_killed_and_comes_back() -> None:
    """Under load, twice; afterwards each metric is counted to the unit."""
    api = TollkeeperApi()
    succeeded: Counter[str] = Counter()
    statuses: Counter[int] = Counter()

    async def load_host(tollkeeper: Tollkeeper) -> None:
        async with calling(tollkeeper) as client:
            for _ in range(ROUNDS):
                answers = await asyncio.gather(*(ask(client, each) for each in TWENTY))
                statuses.update(answers)
                succeeded.update(each.metric for each in TWENTY)

    with listening(api):
        tollkeeper = client_of(api, interval=0.05)
        under_load = threading.Thread(target=lambda: asyncio.run(load_host(tollkeeper)))
        under_load.start()
        while sum(statuses.values()) < 3 * len(TWENTY):
            under_load.join(0.005)
    api.hang_up()
    while sum(statuses.values()) < 8 * len(TWENTY):
        under_load.join(0.005)
    with listening(api):
        under_load.join()
        assert tollkeeper.close(20)
    assert {200: ROUNDS * len(TWENTY)} == statuses
    assert succeeded == {metric: api.counted("ada", metric) for metric in succeeded}
    assert [] == api.conflicts
    told = Counter[str]()
    for each in api.coverage.values():
        told.update(each["metered"])
    assert succeeded == told


def test_limits_on_rooms_and_fixtures_hold(
    api: TollkeeperApi, make: MakeTollkeeper, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Which the catalogue leaves open and another sets: from a request down to the ledger and back."""
    shipped = SHIPPED.read_text()
    free = "designsCreated = 3, mlPredictions = 10"
    assert 1 == shipped.count(free)
    file = tmp_path / "catalogue.toml"
    limits = f"{free}, roomsCreated = {ROOMS}, fixturesAdded = {FIXTURES}"
    file.write_text(shipped.replace(free, limits))
    catalogue = load(file)
    monkeypatch.setattr(runtime, "catalogue", lambda: catalogue)
    monkeypatch.setattr(runtime, "offer", lambda: Offer(catalogue, OFFER.bill_overage_from))

    def answer(method: str, target: str, body: Any) -> tuple[int, Any]:  # noqa: ANN401 - JSON
        with api.lock:
            _, _, metric, what = target.split("/")
            event = {
                "routeKey": f"{method} /quota/{{eventType}}/{what}",
                "pathParameters": {"eventType": metric},
                "requestContext": {"authorizer": {"jwt": {"claims": SERVICE_CLAIMS}}},
                "body": json.dumps(body),
            }
            reply = quota(event, FakeContext())
            return reply["statusCode"], json.loads(reply["body"])

    with made_of(MemoryTable(), FakeSqs(), FakeStripe(), NOW):
        monkeypatch.setattr(api, "call", answer)
        tollkeeper = make(catalogue=catalogue, clock=NOW.timestamp, patience=5)

        async def race() -> dict[str, Counter[int]]:
            async with calling(tollkeeper) as client:
                return {
                    each.metric: Counter(await asyncio.gather(*(ask(client, each, "bob") for _ in range(9))))
                    for each in OWN[1:3]
                }

        answers = asyncio.run(race())
        shown = call(reader, "GET", "/subscription", user="bob").body
    assert {
        "roomsCreated": {200: ROOMS, 402: 9 - ROOMS},
        "fixturesAdded": {200: FIXTURES, 402: 9 - FIXTURES},
    } == answers
    for metric, limit in {"roomsCreated": ROOMS, "fixturesAdded": FIXTURES}.items():
        assert (limit, limit) == (shown["usage"][metric], shown["limits"][metric])
