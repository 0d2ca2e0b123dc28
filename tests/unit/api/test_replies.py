"""How HTTP requests are answered."""

import json
from http import HTTPStatus

from tollkeeper.api.replies import Fault, not_found, reply, too_large, unavailable, validation_failed


def test_a_reply_is_what_lambda_takes() -> None:
    """A status, headers that call the body JSON, and the body as text."""
    assert {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json", "X-More": "1"},
        "body": '{"id": "cs_1"}',
    } == reply(HTTPStatus.CREATED, {"id": "cs_1"}, {"X-More": "1"})


def test_a_reply_may_be_without_a_body() -> None:
    """The status says it all, and nothing is called JSON."""
    assert {"statusCode": 200, "headers": {}, "body": ""} == reply(HTTPStatus.OK)


def test_what_cannot_be_used_is_named_part_by_part() -> None:
    """422 with each path and its sentence, and all of them in one sentence."""
    found = validation_failed(Fault("records.0.id", "Field required"), Fault("plan", "must be bought"))
    assert (
        422,
        {
            "error": "validation_failed",
            "message": "records.0.id: Field required; plan: must be bought",
            "fields": [
                {"path": "records.0.id", "message": "Field required"},
                {"path": "plan", "message": "must be bought"},
            ],
        },
    ) == (found["statusCode"], json.loads(found["body"]))


def test_who_meets_contention_is_told_when_to_come_again() -> None:
    """503 with a Retry-After in seconds."""
    found = unavailable()
    assert (503, "2") == (found["statusCode"], found["headers"]["Retry-After"])


def test_errors_have_a_code_and_a_sentence() -> None:
    """One for programs, one for people."""
    assert [
        (413, {"error": "too_large", "message": "Send less."}),
        (404, {"error": "not_found", "message": "Nothing is here."}),
    ] == [(each["statusCode"], json.loads(each["body"])) for each in (too_large("Send less."), not_found())]
