"""What a smoke run notices of an API, as API Gateway has it. The rest is seen at the deployed stack."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import NoRegionError

from infra.operate.checks import Check, answer, looked_at
from infra.operate.smoke import routes
from infra.operate.smoke.routes import Route
from infra.operate.stacks import Resource, Stack
from infra.template import written

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client

STACK = Stack(
    name="shop",
    status="CREATE_COMPLETE",
    parameters={"TokenIssuer": "https://issuer", "UserAudience": "users", "ServiceAudience": "services"},
    resources={"Api": Resource("AWS::ApiGatewayV2::Api", "abc")},
    api="https://api",
    webhook="https://hook",
)
WANTED = routes.wanted(written())


class FakeGateway:
    """API Gateway with an API that is as it should be, until a test changes it."""

    def __init__(self) -> None:
        self.authorizers = {"UserToken": "users", "ServiceToken": "services"}
        self.routes = {each.key: each.authorizer for each in WANTED}

    def get_authorizers(self, *, ApiId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        """List the authorizers."""
        assert "abc" == ApiId
        return {
            "Items": [
                {
                    "AuthorizerId": f"id of {name}",
                    "Name": name,
                    "JwtConfiguration": {"Issuer": "https://issuer", "Audience": [audience]},
                }
                for name, audience in self.authorizers.items()
            ]
        }

    def get_paginator(self, _: str) -> "FakeGateway":
        """Page through routes."""
        return self

    def paginate(self, *, ApiId: str) -> Iterator[dict[str, Any]]:  # noqa: N803 - boto3's name
        """List the routes."""
        assert "abc" == ApiId
        for key, authorizer in self.routes.items():
            yield {
                "Items": [
                    {"RouteKey": key, **({"AuthorizerId": f"id of {authorizer}"} if authorizer else {})}
                ]
            }


def red(gateway: FakeGateway) -> dict[str, str]:
    """Return what is not well of an API."""
    client = cast("ApiGatewayV2Client", gateway)
    found = [*routes.authorizers(client, STACK), *routes.deployed(client, STACK, WANTED)]
    return {each.what: each.found for each in found if not each.is_well}


def test_an_api_as_described_is_well() -> None:
    """Each route of the template behind its authorizer."""
    assert {} == red(FakeGateway())
    assert Route("POST /usage", "ServiceToken") in WANTED
    assert Route("GET /dashboard", None) in WANTED


def test_an_api_whose_routes_were_dropped_is_noticed() -> None:
    """As where an authorizer could not be made, and the deploy succeeded all the same."""
    gateway = FakeGateway()
    gateway.routes = {key: name for key, name in gateway.routes.items() if name != "ServiceToken"}
    dropped = {f"route {each.key}" for each in WANTED if each.authorizer == "ServiceToken"}
    assert dropped == red(gateway).keys()
    assert "it is not there: deploy again" == red(gateway)["route POST /usage"]


def test_a_route_that_lets_in_whom_it_should_not_is_noticed() -> None:
    """Without an authorizer, or behind another's; and one that nobody described."""
    gateway = FakeGateway()
    gateway.routes |= {"POST /usage": None, "GET /usage": "ServiceToken", "GET /secret": None}
    assert {
        "route POST /usage": "behind no authorizer, and should be behind ServiceToken",
        "route GET /usage": "behind ServiceToken, and should be behind UserToken",
        "route GET /secret": "template.yaml has no such route",
    } == red(gateway)


def test_an_authorizer_of_another_audience_is_noticed() -> None:
    """A user's token would be a back end's."""
    gateway = FakeGateway()
    gateway.authorizers["ServiceToken"] = "users"
    (said,) = red(gateway).values()
    assert said.startswith('it is {"Issuer": "https://issuer", "Audience": ["users"]}')


def test_an_area_that_cannot_be_looked_at_is_not_well() -> None:
    """And the others are looked at all the same."""

    def look() -> Iterator[Check]:
        yield Check("alarms", "one", is_well=True)
        raise NoRegionError

    assert [True, False] == [each.is_well for each in looked_at("alarms", look)]
    assert not answer([*looked_at("alarms", look)]).is_well
