"""A house of one subscriber, and the whole API of it in one process, behind what API Gateway does."""

import importlib
import json
import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from copy import deepcopy
from http import HTTPStatus
from typing import Any, NamedTuple, Self
from wsgiref.types import StartResponse, WSGIEnvironment

from stripe import Event

from functions.stripe_events.app import handler as follow
from infra.stripe_standin.checkout import completion
from tests.examples import ENVIRONMENT, NOW, OFFER
from tests.fakes.api_gateway import SERVICE_CLAIMS, Handler, call, decoded, request, user_claims
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs, messages_of
from tests.fakes.table import MemoryTable
from tests.ledger.tables import template
from tests.sim.stripe_at_hand import StripeAtHand
from tollkeeper.ledger.table import Key, Row
from tollkeeper.stripe.gateway import StripeGateway

USER = "ada"
PAGE = "https://app.example.com/"
USER_TOKEN, SERVICE_TOKEN = "a-users", "a-back-ends"
CLAIMS = {f"Bearer {USER_TOKEN}": user_claims(USER), f"Bearer {SERVICE_TOKEN}": SERVICE_CLAIMS}
OF = {"UserToken": user_claims(USER)["aud"], "ServiceToken": SERVICE_CLAIMS["aud"], None: None}
"""The audience that an authorizer asks for."""


class State(NamedTuple):
    """All that a request may change: the table, the queues, and how often Stripe was told to do something."""

    rows: Mapping[Key, Row]
    messages: int
    changes_at_stripe: int


class House:
    """What the functions stand on: a table, queues, and a Stripe account in which Ada is on trial.

    Used as a context, the functions of this process are made of it. `restore` makes all of it as it was.
    `said` are the events by which Stripe told of her.
    """

    def __init__(self) -> None:
        self.table, self.sqs = MemoryTable(), FakeSqs()
        told: list[Event] = []
        self._stripe = StripeAtHand(NOW, told.append)
        self._stripe.sell(OFFER.catalogue)
        self._made = ExitStack()
        with self:
            checkout = importlib.import_module("functions.checkout.app").handler
            wish = {"plan": "professional", "successUrl": PAGE, "cancelUrl": PAGE}
            session = call(checkout, "POST", "/checkout", wish).body["id"]
            told.clear()
            completion.complete(self._stripe.account, session, "4242424242424242")
            bodies = [Event.__str__(each) for each in told]
            follow(messages_of(*bodies), FakeContext())
        self.said: list[dict[str, Any]] = [json.loads(each) for each in bodies]
        self._saved = deepcopy((self.table.rows, self._stripe))

    def __enter__(self) -> Self:
        gateway = StripeGateway(self._stripe.client(), OFFER.catalogue, ENVIRONMENT["DEPLOYMENT"])
        self._made.enter_context(made_of(self.table, self.sqs, gateway, NOW))
        return self

    def __exit__(self, *_: object) -> None:
        self._made.close()

    def restore(self) -> None:
        """Be as at first."""
        self.__exit__()
        self.table, self.sqs = MemoryTable(), FakeSqs()
        self.table.rows, self._stripe = deepcopy(self._saved)
        self.__enter__()

    def state(self) -> State:
        """Return what there is now, in a copy."""
        told = [each.path for each in self._stripe.api.calls if each.method != "GET"]
        changes = sum(not path.endswith("/create_preview") for path in told)
        return State({key: dict(row) for key, row in self.table.rows.items()}, len(self.sqs.bodies), changes)


class Route(NamedTuple):
    """A route of template.yaml."""

    method: str
    path: str
    pattern: re.Pattern[str]
    audience: str | None
    handler: Handler


def routes() -> list[Route]:
    """Return every route, with its function's handler; the page's, which has cookies, is tested by itself."""
    return [
        Route(
            event["Properties"]["Method"],
            event["Properties"]["Path"],
            re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", event["Properties"]["Path"])),
            OF[event["Properties"].get("Auth", {}).get("Authorizer")],
            importlib.import_module(
                f"functions.{resource['Properties']['CodeUri'].split('/')[1]}.app"
            ).handler,
        )
        for resource in template()["Resources"].values()
        for event in resource.get("Properties", {}).get("Events", {}).values()
        if event["Type"] == "HttpApi"
    ]


class Gateway:
    """API Gateway, as far as the API can tell: a WSGI application over the functions.

    It finds the route, asks for a token of its audience and hands over the request, in base64 where the body
    is called no text. What a function lets escape it lets escape as well.
    """

    def __init__(self) -> None:
        self._routes = routes()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        method, path = environ["REQUEST_METHOD"], environ["REQUEST_URI"].partition("?")[0]
        address = f"{path}?{query}" if (query := environ.get("QUERY_STRING")) else path
        of_method = (each for each in self._routes if each.method == method)
        found, match = next(
            ((each, at) for each in of_method if (at := each.pattern.fullmatch(path))), (None, None)
        )
        if not found or not match:
            return _answer(start_response, HTTPStatus.NOT_FOUND, '{"message":"Not Found"}')
        claims = CLAIMS.get(environ.get("HTTP_AUTHORIZATION", ""))
        if found.audience and (claims is None or claims["aud"] != found.audience):
            return _answer(start_response, HTTPStatus.UNAUTHORIZED, '{"message":"Unauthorized"}')
        body, in_base64 = _body(environ)
        event = request(
            method,
            address,
            body,
            _headers(environ),
            claims,
            f"{method} {found.path}",
            in_path={name: decoded(value) for name, value in match.groupdict().items()},
            in_base64=in_base64,
        )
        answer = found.handler(event, FakeContext())
        return _answer(start_response, answer["statusCode"], answer["body"], answer["headers"])


def _answer(
    start_response: StartResponse, status: int, body: str, headers: Mapping[str, str] | None = None
) -> Iterable[bytes]:
    told = {
        "content-type": "application/json",
        **{name.lower(): value for name, value in (headers or {}).items()},
    }
    start_response(f"{int(status)} {HTTPStatus(status).phrase}", [*told.items()])
    return [body.encode()]


def _headers(environ: WSGIEnvironment) -> dict[str, str]:
    names = {
        name: name.removeprefix("HTTP_").replace("_", "-").lower()
        for name in environ
        if name.startswith("HTTP_")
    }
    return {
        "content-type": environ.get("CONTENT_TYPE", ""),
        **{named: environ[name] for name, named in names.items()},
    }


def _body(environ: WSGIEnvironment) -> tuple[str | None, bool]:
    sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if not sent:
        return None, False
    if environ.get("CONTENT_TYPE", "").startswith(("application/json", "text/")):
        try:
            return sent.decode(), False
        except UnicodeDecodeError:
            pass
    return b64encode(sent).decode(), True
