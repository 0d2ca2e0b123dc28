"""Who is let in at every route of template.yaml, should API Gateway let in anybody."""

import importlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import pytest

from functions.dashboard.app import DECIDING, LOOKING
from tests.fakes.api_gateway import SERVICE_CLAIMS, Handler, call, user_claims
from tests.ledger.tables import template

PARAMETERS = {"{eventType}": "exports", "{userId}": "ada"}


class Door(NamedTuple):
    """A route, the function behind it, and the authorizer that the template gives it."""

    handler: Handler
    method: str
    path: str
    authorizer: str

    def status(self, claims: Mapping[str, str] | None) -> int:
        """Return what a request is answered whose token claims something, or which has none."""
        path = self.path
        for name, value in PARAMETERS.items():
            path = path.replace(name, value)
        route = f"{self.method} {self.path}"
        return call(self.handler, self.method, path, user=None, claims=claims, route=route).status


def doors() -> Iterator[Door]:
    """Every route of the template that asks for a token."""
    for function in template()["Resources"].values():
        for event in function.get("Properties", {}).get("Events", {}).values():
            if event["Type"] != "HttpApi":
                continue
            route = event["Properties"]
            authorizer = route.get("Auth", {}).get("Authorizer")
            if authorizer is not None:
                folder = function["Properties"]["CodeUri"].strip("/").replace("/", ".")
                handler = importlib.import_module(f"{folder}.app").handler
                yield Door(handler, route["Method"], route["Path"], authorizer)


DOORS = list(doors())
OF_SERVICES = [door for door in DOORS if door.authorizer == "ServiceToken"]


def test_both_kinds_of_doors_are_tried() -> None:
    """Should the template be read wrongly, nothing below would say so."""
    assert {"UserToken", "ServiceToken"} == {door.authorizer for door in DOORS}


def test_only_these_doors_are_open() -> None:
    """The description of the API, and the page, whose cookie is asked for by the function itself.

    A route without an authorizer is one by intent, not by forgetting.
    """
    routes = {
        f"{event['Properties']['Method']} {event['Properties']['Path']}"
        for function in template()["Resources"].values()
        for event in function.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    }
    pages = {*LOOKING, *DECIDING, "POST /dashboard/close"}
    assert {"GET /openapi.json"} | pages == routes - {f"{door.method} {door.path}" for door in DOORS}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
@pytest.mark.parametrize(
    "claims", [None, {}, {"sub": "ada"}, {"sub": "ada", "aud": "another-product"}], ids=str
)
def test_nobody_comes_in_without_a_token_for_us(door: Door, claims: Mapping[str, str] | None) -> None:
    """401, though API Gateway has asked for none, or for somebody else's."""
    assert 401 == door.status(claims)


@pytest.mark.parametrize("door", DOORS, ids=lambda door: f"{door.method} {door.path}")
def test_a_token_of_the_other_kind_is_no_token(door: Door) -> None:
    """401: a user is no back end, and a back end no user."""
    others = user_claims("ada") if door.authorizer == "ServiceToken" else SERVICE_CLAIMS
    assert 401 == door.status(others)


@pytest.mark.parametrize("door", OF_SERVICES, ids=lambda door: f"{door.method} {door.path}")
@pytest.mark.parametrize("scope", [None, "billing:read", "xbilling:service"])
def test_a_service_needs_the_scope(door: Door, scope: str | None) -> None:
    """403: its token is good, but not for this."""
    claims = {"aud": "tollkeeper-service", **({"scope": scope} if scope else {})}
    assert 403 == door.status(claims)
