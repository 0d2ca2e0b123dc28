"""What an operator sees of the deployed stack: that it is alive, what waits, and what is wrong."""

import json
from typing import Any

import boto3

from infra.local.places import Home, Stack
from infra.local.sam import STACK_NAME
from tests.e2e.callers import Callers
from tests.e2e.operators import operate
from tests.e2e.queues import Queues
from tests.ledger.tables import CREDENTIALS
from tollkeeper.rules.times import iso


def smoke(home: Home, code: int = 0) -> dict[str, str]:
    """Run `tollkeeper smoke`; return what is not well."""
    said = json.loads(operate(home, "smoke", "--format", "json", code=code))
    assert said["checked"] > 100
    return {each["what"]: each["found"] for each in said["checks"] if not each["isWell"]}


def test_a_stack_that_was_just_deployed_is_alive_until_a_route_is_dropped(home: Home, stack: Stack) -> None:
    """Every check is green; without a route both what is deployed and what is answered are red."""
    assert {} == smoke(home)
    gateway = boto3.client("apigatewayv2", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    formation = boto3.client("cloudformation", endpoint_url=stack.awsEndpoint, **CREDENTIALS)
    api = formation.describe_stack_resource(StackName=STACK_NAME, LogicalResourceId="Api")
    api_id = api["StackResourceDetail"]["PhysicalResourceId"]
    (route,) = [
        each for each in gateway.get_routes(ApiId=api_id)["Items"] if each["RouteKey"] == "POST /usage"
    ]
    gateway.delete_route(ApiId=api_id, RouteId=route["RouteId"])
    try:
        trouble = smoke(home, code=1)
        assert {"route POST /usage", "answer of POST /usage"} == trouble.keys()
        assert "it is not there: deploy again" == trouble["route POST /usage"]
    finally:
        kept = ("RouteKey", "Target", "AuthorizationType", "AuthorizerId", "AuthorizationScopes")
        again: dict[str, Any] = {name: route[name] for name in kept if name in route}  # type: ignore[literal-required]
        gateway.create_route(ApiId=api_id, **again)


def test_what_waits_is_among_the_figures(home: Home, callers: Callers, queues: Queues, user: str) -> None:
    """A dead letter is to be seen to, with the command that shows it, and goes on when it is redriven."""
    now = iso(callers.now())
    records = [{"id": "late", "userId": user, "eventType": "exports", "timestamp": now}]
    queues.bury(json.dumps({"records": records, "acceptedAt": now}), f"a test for {user}")
    said = json.loads(operate(home, "status", "--format", "json", code=1))
    letters = {each["name"]: each for each in said["figures"] if each["area"] == "dead letters"}
    assert not letters["usage"]["isWell"]
    assert "tollkeeper dead-letters --queue usage" in letters["usage"]["note"]
    assert {"alarms", "queues", "reporter", "coverage", "webhook", "quota"} <= {
        each["area"] for each in said["figures"]
    }
    assert "1 sent again" in operate(home, "redrive", "--reason", f"a test for {user}")
