"""The API from outside and from inside: its routes, their authorizers, and what strangers are answered."""

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx

from infra.operate.checks import Check
from infra.operate.stacks import Stack

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

AREA = "api"
DESCRIPTION = "GET /openapi.json"
AT_ONCE = 4
TIMEOUT_SECONDS = 60.0
"""A function that starts anew takes seconds, and on a small machine more."""


class Route(NamedTuple):
    """A route, and the authorizer that lets in to it, if it has one."""

    key: str
    authorizer: str | None


def wanted(template: Mapping[str, Any]) -> list[Route]:
    """Return every route that template.yaml has; the OpenAPI document describes the same."""
    return [
        Route(
            f"{event['Properties']['Method']} {event['Properties']['Path']}",
            event["Properties"].get("Auth", {}).get("Authorizer"),
        )
        for resource in template["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]


def authorizers(client: "ApiGatewayV2Client", stack: Stack) -> Iterator[Check]:
    """See that both authorizers trust the issuer, and that each takes tokens of its own audience alone."""
    audiences = {"UserToken": "UserAudience", "ServiceToken": "ServiceAudience"}
    found = {
        each["Name"]: each["JwtConfiguration"]
        for each in client.get_authorizers(ApiId=stack.physical_id("Api"))["Items"]
    }
    for name, audience in audiences.items():
        expected = {"Issuer": stack.parameters["TokenIssuer"], "Audience": [stack.parameters[audience]]}
        has = {each: found[name].get(each) for each in expected} if name in found else None
        yield Check(
            AREA,
            f"authorizer {name}",
            is_well=has == expected,
            found=f"it is {json.dumps(has)}, and should be {json.dumps(expected)}",
        )


def deployed(client: "ApiGatewayV2Client", stack: Stack, routes: list[Route]) -> Iterator[Check]:
    """See that every route is there, behind its authorizer, and no other."""
    api = stack.physical_id("Api")
    names = {
        each["AuthorizerId"]: each["Name"] for each in client.get_authorizers(ApiId=api).get("Items", [])
    }
    there = {
        each["RouteKey"]: names.get(each.get("AuthorizerId", ""))
        for page in client.get_paginator("get_routes").paginate(ApiId=api)
        for each in page["Items"]
    }
    for route in routes:
        if route.key not in there:
            yield Check(AREA, f"route {route.key}", is_well=False, found="it is not there: deploy again")
            continue
        has = there.pop(route.key)
        yield Check(
            AREA,
            f"route {route.key}",
            is_well=has == route.authorizer,
            found=f"behind {has or 'no authorizer'}, and should be behind {route.authorizer or 'none'}",
        )
    for key in there:
        yield Check(AREA, f"route {key}", is_well=False, found="template.yaml has no such route")


def answered(stack: Stack, routes: list[Route]) -> Iterator[Check]:
    """Knock at every route without a token or a cookie: 401, but for the description, which is open."""
    with httpx.Client(timeout=TIMEOUT_SECONDS) as client, ThreadPoolExecutor(AT_ONCE) as several:

        def knock(route: Route) -> Check:
            method, _, path = route.key.partition(" ")
            path = path.replace("{", "").replace("}", "")
            expected = HTTPStatus.OK if route.key == DESCRIPTION else HTTPStatus.UNAUTHORIZED
            try:
                answer = client.request(method, stack.api + path)
            except httpx.HTTPError as error:
                return Check(AREA, f"answer of {route.key}", is_well=False, found=f"none: {error}")
            said = f"{answer.status_code} {answer.text[:100]!r}"
            return Check(
                AREA,
                f"answer of {route.key}",
                is_well=answer.status_code == expected,
                found=f"it answers {said}, and should {expected} {expected.phrase}",
            )

        yield from several.map(knock, routes)
        is_ours = client.get(stack.api + "/openapi.json").content == _description()
        yield Check(
            AREA, "version", is_well=is_ours, found="GET /openapi.json is another version's: deploy this one"
        )


def _description() -> bytes:
    """Return what this version says of itself; Reader serves the same file."""
    return (resources.files("tollkeeper") / "api" / "openapi.json").read_bytes()
