"""Requests made from the API's own description, good and bad, at the functions themselves.

`CASES=12000`, or `make fuzz`, tries so many. The house is as at first again after each that changed
something, so that a request that fails does so by itself.
"""

import json
import os
from collections import Counter
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode, Response
from schemathesis.schemas import BaseSchema

from infra.openapi import TARGET
from tests.fuzz.house import SERVICE_TOKEN, USER_TOKEN, Gateway, House
from tests.fuzz.judgement import changes_as_it_says, conform
from tests.fuzz.words import config

CASES = int(os.environ.get("CASES", "300"))
DESCRIBED: dict[str, Any] = json.loads(TARGET.read_text())
OPERATIONS = [
    f"{method.upper()} {path}" for path, methods in DESCRIBED["paths"].items() for method in methods
]


@pytest.fixture(scope="module")
def described(house: House) -> BaseSchema:
    """The API by the description that it serves."""
    assert house
    return schemathesis.openapi.from_wsgi("/openapi.json", Gateway(), config=config())


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_request_breaks_anything(
    house: House, described: BaseSchema, label: str, answers: Counter[str]
) -> None:
    """No 5xx, answers as described; what breaks the description is refused, and a refusal changes nothing.

    First what lies on either side of each bound, one after the other, then anything.
    """
    operation = described.find_operation_by_label(label)
    assert operation
    token = SERVICE_TOKEN if "serviceToken" in str(operation.definition.raw["security"]) else USER_TOKEN

    def ask(case: Case[Any]) -> None:
        before = house.state()
        response: Response = case.call(headers={"authorization": f"Bearer {token}"})
        after = house.state()
        if after != before:
            house.restore()
        answers[f"answered {response.status_code}"] += 1
        conform(case, response)
        changes_as_it_says(case, response, before, after)

    for case in described.iter_coverage_cases(
        operation, generation_modes=[*GenerationMode], generation_config=described.config.generation
    ):
        if case.method == operation.method.upper() and "eventType" in case.path_parameters:
            case.path_parameters["eventType"] = "exports"  # or nothing else of it would be looked at
        ask(case)

    @settings(
        max_examples=max(4, CASES // len(OPERATIONS)),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    @given(case=st.one_of([operation.as_strategy(mode) for mode in GenerationMode]))
    def ask_anything(case: Case[Any]) -> None:
        ask(case)

    ask_anything()
