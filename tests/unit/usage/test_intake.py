"""POST /usage and /usage/corrections."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import pytest

from functions.usage_intake.app import app, handler
from tests.examples import CATALOGUE, NOW
from tests.fakes.api_gateway import Answer, call
from tests.fakes.runtime import FixedClock
from tests.fakes.sqs import FakeSqs
from tollkeeper import runtime
from tollkeeper.rules.times import iso
from tollkeeper.runtime import usage
from tollkeeper.usage.intake import Intake
from tollkeeper.usage.queue import UsageQueue

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SENT: Mapping[str, object] = {"id": "evt-1", "userId": "ada", "eventType": "apiCalls", "quantity": 2}
CORRECTION: Mapping[str, object] = {
    "id": "fix-1",
    "userId": "ada",
    "eventType": "exports",
    "quantity": -5,
    "reason": "exported twice",
    "actor": "support",
}


@pytest.fixture
def sqs() -> FakeSqs:
    """An empty queue."""
    return FakeSqs()


@pytest.fixture(autouse=True)
def function(sqs: FakeSqs) -> Iterator[None]:
    """The function, with everything outside of it handed in."""
    queue = UsageQueue(cast("SQSClient", sqs), "https://sqs.test/usage")
    app.dependency_overrides = {
        usage.intake: lambda: Intake(queue, CATALOGUE.metrics),
        runtime.clock: lambda: FixedClock(NOW),
    }
    yield
    app.dependency_overrides = {}


def report(*records: object) -> Answer:
    """Report usage."""
    return call(handler, "POST", "/usage", {"records": records})


def queued(sqs: FakeSqs) -> list[dict[str, Any]]:
    """The records that are on their way."""
    return [record for body in sqs.bodies for record in json.loads(body)["records"]]


class TestUsage:
    """What becomes of reported usage."""

    def test_good_records_are_accepted(self) -> None:
        """202 says how many were taken, and that none was not."""
        answer = report(SENT, {**SENT, "id": "evt-2"})
        assert (202, {"accepted": 2, "rejected": []}) == answer[:2]

    def test_good_records_travel_as_they_came(self, sqs: FakeSqs) -> None:
        """The message holds them unchanged, with the time of their acceptance beside them."""
        sent = {**SENT, "timestamp": "2025-11-15T06:30:00-05:00", "eventData": {"note": "Räume"}}
        report(sent)
        assert [{"records": [sent], "acceptedAt": iso(NOW)}] == [json.loads(body) for body in sqs.bodies]

    def test_bad_records_are_named_beside_good_ones(self, sqs: FakeSqs) -> None:
        """Each has its index, id, reason and sentence, and is final; the good ones are taken."""
        answer = report(
            {**SENT, "id": "evt-1", "eventType": "apiCall"},
            {**SENT, "id": "evt-2"},
            {**SENT, "id": "evt-3", "timestamp": "2024-01-01T00:00:00Z"},
            {**SENT, "id": "evt-2", "quantity": 3},
            ["junk"],
        )
        rejected = answer.body["rejected"]
        assert (202, 1, ["evt-2"]) == (
            answer.status,
            answer.body["accepted"],
            [each["id"] for each in queued(sqs)],
        )
        assert [
            (0, "evt-1", "unknown_metric", False),
            (2, "evt-3", "timestamp_out_of_range", False),
            (3, "evt-2", "id_conflict", False),
            (4, None, "invalid_record", False),
        ] == [(each["index"], each["id"], each["error"], each["retryable"]) for each in rejected]
        assert all(each["message"] for each in rejected)

    def test_what_the_queue_does_not_take_is_retryable(self, sqs: FakeSqs) -> None:
        """Records that could not be queued are named, and may be sent again as they are."""
        sqs.is_down = True
        answer = report({**SENT, "quantity": 0}, SENT)
        assert (202, 0) == (answer.status, answer.body["accepted"])
        assert [(0, "invalid_record", False), (1, "unavailable", True)] == [
            (each["index"], each["error"], each["retryable"]) for each in answer.body["rejected"]
        ]

    def test_a_refused_message_names_its_own_records(self, sqs: FakeSqs) -> None:
        """Of several messages only those that SQS refused have to be sent again."""
        data = {"note": "x" * 4_000}
        records = [
            {**SENT, "id": f"{user}-{number}", "userId": user, "eventData": data}
            for number in range(14)
            for user in ("ada", "bob")
        ]
        sqs.refuses = lambda body: "bob-0" in body
        rejected = report(*records).body["rejected"]
        retryable = {each["id"] for each in rejected}
        assert {each["id"] for each in records} - {each["id"] for each in queued(sqs)} == retryable
        assert retryable == {records[each["index"]]["id"] for each in rejected if each["retryable"]}

    def test_a_thousand_records_are_taken(self) -> None:
        """The most that one request may carry."""
        assert 1_000 == report(*({**SENT, "id": str(number)} for number in range(1_000))).body["accepted"]

    def test_more_than_a_thousand_records_are_too_many(self, sqs: FakeSqs) -> None:
        """413, and none of them is taken."""
        answer = report(*({**SENT, "id": str(number)} for number in range(1_001)))
        assert (413, "too_large", []) == (answer.status, answer.body["error"], sqs.bodies)

    def test_no_records_are_none_accepted(self, sqs: FakeSqs) -> None:
        """An empty list is no error, and no message."""
        assert (202, {"accepted": 0, "rejected": []}, []) == (*report()[:2], sqs.requests)

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({}, "records"),
            ({"records": None}, "records"),
            ({"records": {"0": SENT}}, "records"),
            ({"records": [SENT], "acceptedAt": iso(NOW)}, "acceptedAt"),
            ([], "body"),
            ("", "body"),
            (None, "body"),
        ],
    )
    def test_a_body_that_is_no_batch_names_what_is_wrong(self, sqs: FakeSqs, body: object, path: str) -> None:
        """422 with the fields at fault."""
        answer = call(handler, "POST", "/usage", body)
        assert (422, "validation_failed", [path], []) == (
            answer.status,
            answer.body["error"],
            [each["path"] for each in answer.body["fields"]],
            sqs.bodies,
        )

    @pytest.mark.parametrize(
        "body", ['{"records":[', "records", "[" * 100_000, '{"records":' + "[" * 100_000]
    )
    def test_a_body_that_is_no_json_is_refused(self, body: str) -> None:
        """422, however it is broken."""
        answer = call(handler, "POST", "/usage", body)
        assert (422, "validation_failed") == (answer.status, answer.body["error"])

    def test_a_body_of_more_than_a_megabyte_is_too_large(self, sqs: FakeSqs) -> None:
        """413 for a byte too much, before anybody reads it."""
        answer = call(handler, "POST", "/usage", "x" * 1_048_577)
        assert (413, "too_large", []) == (answer.status, answer.body["error"], sqs.bodies)


class TestCorrections:
    """What becomes of a correction."""

    def test_is_accepted(self, sqs: FakeSqs) -> None:
        """202, and it travels with its reason and actor."""
        answer = call(handler, "POST", "/usage/corrections", CORRECTION)
        assert (202, {"accepted": 1, "rejected": []}) == answer[:2]
        assert [CORRECTION] == queued(sqs)

    @pytest.mark.parametrize(
        ("changes", "path"),
        [
            ({"quantity": 5}, "quantity"),
            ({"quantity": 0}, "quantity"),
            ({"reason": ""}, "reason"),
            ({"actor": None}, "actor"),
            ({"eventType": "apiCall"}, "eventType"),
            ({"timestamp": iso(NOW)}, "timestamp"),
        ],
    )
    def test_that_cannot_be_made_names_why(
        self, sqs: FakeSqs, changes: Mapping[str, object], path: str
    ) -> None:
        """422 with the field at fault, and nothing is queued."""
        answer = call(handler, "POST", "/usage/corrections", {**CORRECTION, **changes})
        assert (422, [path], []) == (
            answer.status,
            [each["path"] for each in answer.body["fields"]],
            sqs.bodies,
        )

    def test_that_the_queue_does_not_take_may_be_sent_again(self, sqs: FakeSqs) -> None:
        """503 with a Retry-After."""
        sqs.is_down = True
        answer = call(handler, "POST", "/usage/corrections", CORRECTION)
        assert (503, True) == (answer.status, "Retry-After" in answer.headers)


def test_nothing_else_is_here() -> None:
    """404 in the manner of every error."""
    answer = call(handler, "POST", "/usage/elsewhere", {})
    assert (404, "not_found") == (answer.status, answer.body["error"])
