"""What must be true of any request and its answer, whatever was asked."""

from http import HTTPStatus
from typing import Any

from schemathesis import Case, Response
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fuzz.house import State

ALWAYS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def conform(case: Case[Any], response: Response) -> None:
    """See that an answer is no 5xx and is as described, that what breaks the description is refused, and why.

    POST /usage refuses record by record: what it does not take it names.
    """
    by_record = response.status_code == HTTPStatus.ACCEPTED and case.path == "/usage"
    case.validate_response(response, checks=ALWAYS if by_record else [*ALWAYS, negative_data_rejection])
    if by_record:
        answer = response.json()
        sent: Any = case.body
        assert answer["accepted"] + len(answer["rejected"]) == len(sent["records"])
    if response.status_code >= HTTPStatus.BAD_REQUEST:
        assert response.json()["message"]


def changes_as_it_says(case: Case[Any], response: Response, before: State, after: State) -> None:
    """See that a look and a refusal left all as it was, and that what was accepted was kept."""
    if case.method == "GET" or response.status_code >= HTTPStatus.BAD_REQUEST:
        told = f"{response.status_code} {response.text}, and something changed: {case.as_curl_command()}"
        assert before == after, told
    elif case.path.startswith("/usage"):
        assert (response.json()["accepted"] > 0) == (after.messages > before.messages)
