"""What bad input gets, over real HTTP and straight from the queue: DESIGN §8, line by line."""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode

from infra.local.places import Stack
from tests.e2e.callers import Callers, soon
from tests.e2e.operations import operations as described_operations
from tests.e2e.queues import Queues
from tests.fuzz.judgement import conform
from tests.fuzz.words import config
from tollkeeper.catalogue import load

METRICS = ", ".join(load().metrics)


class Endpoint(NamedTuple):
    """An endpoint that reads a body, and whether it is for back ends."""

    method: str
    path: str
    of_service: bool

    def take(self, callers: Callers, user: str, body: bytes) -> httpx.Response:
        """Send a body that is called JSON."""
        client = callers.service if self.of_service else callers.user(user)
        return client.request(
            self.method, self.path, content=body, headers={"content-type": "application/json"}
        )


WRITES = [
    Endpoint("POST", "/checkout", of_service=False),
    Endpoint("POST", "/portal", of_service=False),
    Endpoint("PUT", "/subscription/spending-cap", of_service=False),
    Endpoint("POST", "/subscription/plan", of_service=False),
    Endpoint("POST", "/subscription/cancel", of_service=False),
    Endpoint("POST", "/usage", of_service=True),
    Endpoint("POST", "/usage/corrections", of_service=True),
    Endpoint("POST", "/quota/exports/consume", of_service=True),
    Endpoint("POST", "/quota/exports/release", of_service=True),
]
MEGABYTE = 1_048_576
REQUESTS = 150


def paths(answer: httpx.Response) -> list[str]:
    """Return the fields that a 422 names."""
    body = answer.json()
    assert (422, "validation_failed") == (answer.status_code, body["error"])
    return [each["path"] for each in body["fields"]]


class TestRecords:
    """POST /usage judges each record by itself."""

    @pytest.mark.parametrize(
        ("changes", "error", "says"),
        [
            ({"eventType": "apiCall"}, "unknown_metric", METRICS),
            ({"quantity": 0}, "invalid_record", "quantity"),
            ({"quantity": -1}, "invalid_record", "quantity"),
            ({"quantity": 1.5}, "invalid_record", "quantity"),
            ({"quantity": True}, "invalid_record", "quantity"),
            ({"quantity": 1_000_000_001}, "invalid_record", "quantity"),
            ({"timestamp": "2025-11-15T12:00:00"}, "invalid_record", "time zone"),
            ({"timestamp": "2025-11-15T12:00:60Z"}, "invalid_record", "timestamp"),
            ({"timestamp": 1_763_208_000}, "invalid_record", "timestamp"),
            ({"timestamp": "yesterday"}, "invalid_record", "timestamp"),
            ({"id": None}, "invalid_record", "id"),
            ({"id": "x" * 129}, "invalid_record", "id"),
            ({"userId": "x" * 257}, "invalid_record", "userId"),
            ({"facilityId": ""}, "invalid_record", "facilityId"),
            ({"eventData": {"note": "x" * 4_096}}, "invalid_record", "eventData"),
            ({"eventData": {"a": json.loads("[" * 32 + "]" * 32)}}, "invalid_record", "eventData"),
            ({"eventdata": {}}, "invalid_record", "eventdata"),
        ],
        ids=str,
    )
    def test_a_bad_one_is_rejected_alone(
        self, callers: Callers, user: str, changes: Mapping[str, object], error: str, says: str
    ) -> None:
        """Its reason is given, and the good one beside it is accepted."""
        good = {"id": "good", "userId": user, "eventType": "exports"}
        answer = callers.service.post("/usage", json={"records": [{**good, "id": "bad", **changes}, good]})
        body = answer.json()
        [rejected] = body["rejected"]
        assert (202, 1, 0, error, False) == (
            answer.status_code,
            body["accepted"],
            rejected["index"],
            rejected["error"],
            rejected["retryable"],
        )
        assert says in rejected["message"]

    @pytest.mark.parametrize(
        ("offset", "accepted"),
        [
            (-timedelta(days=35, minutes=1), 0),
            (-timedelta(days=34, hours=23), 1),
            (timedelta(minutes=4), 1),
            (timedelta(minutes=6), 0),
        ],
        ids=str,
    )
    def test_its_time_is_judged_by_the_stacks_clock(
        self, callers: Callers, user: str, offset: timedelta, accepted: int
    ) -> None:
        """At most 35 days back and 5 minutes ahead of what time it is here."""
        timestamp = (callers.now() + offset).isoformat()
        record = {"id": "record", "userId": user, "eventType": "exports", "timestamp": timestamp}
        answer = callers.service.post("/usage", json={"records": [record]})
        assert (202, accepted) == (answer.status_code, answer.json()["accepted"])

    def test_an_id_with_other_content_is_a_conflict(self, callers: Callers, user: str) -> None:
        """The first of the body is taken, the one that contradicts it is not."""
        record = {"id": "record", "userId": user, "eventType": "exports"}
        sent = {"records": [record, {**record, "quantity": 2}, record]}
        body = callers.service.post("/usage", json=sent).json()
        assert (2, [(1, "id_conflict")]) == (
            body["accepted"],
            [(each["index"], each["error"]) for each in body["rejected"]],
        )

    def test_more_than_a_thousand_are_too_many(self, callers: Callers, user: str) -> None:
        """413 for one too many, and none of them is counted."""
        records = [{"id": str(number), "userId": user, "eventType": "exports"} for number in range(1_001)]
        answer = callers.service.post("/usage", json={"records": records})
        assert (413, "too_large") == (answer.status_code, answer.json()["error"])
        assert 0 == callers.quota(user, "exports")["current"]


class TestBodies:
    """What is sent to any endpoint that reads a body."""

    @pytest.mark.parametrize("endpoint", WRITES, ids=str)
    @pytest.mark.parametrize(
        "body",
        [b"", b"{", b"[]", b"null", b'"text"', b"\xff\xfe", b'{"a":' * 5_000],
        ids=lambda body: body[:9],
    )
    def test_must_be_a_json_object(
        self, callers: Callers, user: str, endpoint: Endpoint, body: bytes
    ) -> None:
        """422 naming what is wrong, however it is broken."""
        assert paths(endpoint.take(callers, user, body))

    @pytest.mark.parametrize("endpoint", WRITES, ids=str)
    def test_may_not_be_over_a_megabyte(self, callers: Callers, user: str, endpoint: Endpoint) -> None:
        """413 for a byte too much."""
        answer = endpoint.take(callers, user, b"{}".ljust(MEGABYTE + 1))
        assert (413, "too_large") == (answer.status_code, answer.json()["error"])

    @pytest.mark.parametrize("called", ["text/plain", "application/octet-stream", "multipart/form-data"])
    def test_is_json_whatever_it_is_called(self, callers: Callers, user: str, called: str) -> None:
        """The gateway may hand it over in base64 then; it is read all the same."""
        headers = {"content-type": called}
        wish = json.dumps({"userId": user, "id": "wish"})
        assert (
            200 == callers.service.post("/quota/exports/consume", content=wish, headers=headers).status_code
        )
        cap = callers.user(user).put("/subscription/spending-cap", content='{"amount": 1}', headers=headers)
        assert 200 == cap.status_code


class TestFields:
    """What a body or an address may say."""

    def test_an_unknown_plan_names_the_known_ones(self, callers: Callers, user: str) -> None:
        """422 with what can be bought; the free plan cannot."""
        page = {"successUrl": "http://localhost:3000/", "cancelUrl": "http://localhost:3000/"}
        for plan in ("gold", "free"):
            answer = callers.user(user).post("/checkout", json={"plan": plan, **page})
            assert ["plan"] == paths(answer)
            assert "starter, professional, enterprise" in answer.json()["message"]

    @pytest.mark.parametrize(
        "url",
        [
            "https://evil.example/",
            "http://localhost:3000.evil.example/",
            "http://localhost:3000@evil.example/",
            "http://localhost:30000/",
            "https://localhost:3000/",
            "//localhost:3000/",
            "javascript:alert(1)",
            "",
        ],
    )
    @pytest.mark.parametrize("field", ["successUrl", "cancelUrl"])
    def test_a_foreign_origin_is_refused(self, callers: Callers, user: str, field: str, url: str) -> None:
        """Nobody is sent anywhere but to the application's own pages."""
        page = "http://localhost:3000/"
        body = {"plan": "starter", "successUrl": page, "cancelUrl": page, field: url}
        assert [field] == paths(callers.user(user).post("/checkout", json=body))

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", "/quota/apiCall?userId=ada"),
            ("POST", "/quota/apiCall/consume"),
            ("POST", "/quota/apiCall/release"),
            ("GET", "/users/ada/records?billingMonth=2025-11&eventType=apiCall"),
        ],
    )
    def test_an_unknown_metric_names_the_known_ones(self, callers: Callers, method: str, path: str) -> None:
        """Wherever one is asked for."""
        answer = callers.service.request(method, path)
        assert ["eventType"] == paths(answer)
        assert METRICS in answer.json()["message"]

    @pytest.mark.parametrize(
        ("path", "field"),
        [
            ("/usage?from=2025-02-30", "from"),
            ("/usage?from=2025-11-02&to=2025-11-01", "from"),
            ("/usage?granularity=hour", "granularity"),
            ("/usage/records", "period"),
            ("/usage/records?billingMonth=2025-13", "billingMonth"),
            ("/usage/records?period=2025-11-01T00:00:00", "period"),
            ("/usage/records?billingMonth=2025-11&cursor=nonsense", "cursor"),
        ],
    )
    def test_what_cannot_be_asked_is_named(self, callers: Callers, user: str, path: str, field: str) -> None:
        """422 with the field of the address."""
        assert [field] == paths(callers.user(user).get(path))

    @pytest.mark.parametrize("field", ["reason", "actor", "id", "userId", "quantity", "eventType"])
    def test_a_correction_says_everything(self, callers: Callers, user: str, field: str) -> None:
        """Who corrects what, by how much, and why."""
        whole = {
            "userId": user,
            "id": "fix",
            "eventType": "exports",
            "quantity": -1,
            "reason": "r",
            "actor": "a",
        }
        body = {name: value for name, value in whole.items() if name != field}
        assert [field] == paths(callers.service.post("/usage/corrections", json=body))


class TestQueue:
    """What a caller with IAM rights puts straight on the usage queue."""

    def test_a_poison_is_taken_out_and_its_neighbours_count(
        self, callers: Callers, user: str, queues: Queues
    ) -> None:
        """The record becomes a dead letter with its reason and acceptance; those beside it are counted."""
        good = {"id": "good", "userId": user, "eventType": "exports", "quantity": 2}
        poison = {"id": "poison", "userId": user, "eventType": "exportz", "quantity": 3}
        other = {"id": "other", "userId": user, "eventType": "exports", "quantity": 4}
        body = json.dumps({"records": [good, poison, other]})
        before = callers.now()
        queues.send(body)
        assert 6 == soon(lambda: callers.usage(user)["exports"], lambda used: used >= 6)
        [letter] = queues.letters(user)
        assert ({"records", "reason", "acceptedAt"}, [poison]) == (set(letter), letter["records"])
        says = f"there is no metric 'exportz'. The metrics are {METRICS}."
        assert f"unknown_metric: eventType: {says}" == letter["reason"]
        accepted = datetime.fromisoformat(letter["acceptedAt"])
        assert abs(accepted - before) < timedelta(minutes=1)

    def test_a_message_that_holds_no_records_is_a_dead_letter(self, user: str, queues: Queues) -> None:
        """It stands there as it came: no JSON, no object, or one without a list of records."""
        bodies = [f"nonsense of {user}", json.dumps({"record": user}), f'["{user}"]']
        for body in bodies:
            queues.send(body)
        assert sorted(bodies) == sorted(queues.bodies(user, len(bodies)))


def test_nothing_that_is_wrong_does_any_harm(callers: Callers, stack: Stack, user: str) -> None:
    """What breaks the API's description, wherever it does, is refused with a reason, and changes nothing.

    `make fuzz` asks thousands of the functions themselves; here are a few of the whole, over HTTP.
    """
    callers.consume(user, "designsCreated", "design", 2)
    own = callers.user(user)
    own.put("/subscription/spending-cap", json={"amount": 500})
    before = own.get("/subscription").json()
    document = callers.bearing(None).get("/openapi.json").json()
    described = schemathesis.openapi.from_dict(document, config=config())
    operations = [described[each.path][each.method] for each in described_operations(document)]

    @settings(
        max_examples=REQUESTS, deadline=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck]
    )
    @given(case=st.sampled_from(operations).flatmap(lambda each: each.as_strategy(GenerationMode.NEGATIVE)))
    def send(case: Case[Any]) -> None:
        of_service = "serviceToken" in str(case.operation.definition.raw["security"])
        token = (callers.service if of_service else own).headers["authorization"]
        conform(case, case.call(base_url=stack.api, headers={"authorization": token}))

    send()
    assert before == own.get("/subscription").json()
