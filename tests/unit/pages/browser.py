"""A browser at /dashboard, and the deployment that it asks."""

import re
from base64 import b64encode
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from functions.dashboard.app import DECIDING, handler
from tests.examples import NOW
from tests.fakes.api_gateway import call, user_claims
from tests.fakes.deciding import Household
from tests.fakes.runtime import FakeContext
from tests.ledger.crashes import CrashingTable, Outside, Through
from tollkeeper.settings import Stage

FORMS = [*DECIDING, "POST /dashboard/close"]


@dataclass
class Page:
    """A deployment with its page, and what stands outside of it."""

    home: Household = field(default_factory=Household)
    wall: datetime = NOW
    claim: str | None = None
    stage: Stage = Stage.PROD

    def __post_init__(self) -> None:
        self.outside = Outside()
        self.reached: Callable[[], object] = lambda: self.home.stripe

    def table(self) -> CrashingTable:
        """Return the table, each request to which is noted."""
        return CrashingTable(self.home.table, self.outside)

    def link(self, user: str = "ada", **claims: str) -> str:
        """Return the secret of a link that a user's token was given."""
        answer = call(handler, "POST", "/dashboard-link", claims={**user_claims(user), **claims})
        assert 201 == answer.status
        return str(parse_qs(urlsplit(answer.body["url"]).query)["link"][0])

    def enter(self, link: str) -> tuple[int, str]:
        """Open a link; return the status, and the cookie that the browser got."""
        answer = self.send("GET /dashboard", query={"link": link})
        return answer["statusCode"], next(iter(answer.get("cookies", [])), "")

    def browser(self, user: str = "ada", **claims: str) -> str:
        """Return the secret of a browser that came by a link."""
        status, cookie = self.enter(self.link(user, **claims))
        assert 303 == status
        return cookie.partition("=")[2].partition(";")[0]

    def send(
        self,
        route: str,
        secret: str | None = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send what a browser sends."""
        method, path = route.split(" ")
        event = {
            "routeKey": route,
            "rawPath": path,
            "headers": headers or {},
            "cookies": [] if secret is None else ["theme=dark", f"tollkeeper_page={secret}"],
            "queryStringParameters": dict(query or {}),
            "requestContext": {"domainName": "api.test", "http": {"method": method, "path": path}},
            "body": b64encode(urlencode(form).encode()).decode() if form else None,
            "isBase64Encoded": bool(form),
        }
        return handler(event, FakeContext())

    def csrf(self, secret: str) -> str:
        """Return the token that a browser's page carries."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.send("GET /dashboard", secret)["body"])
        assert found
        return found[1]

    def count_questions(self) -> Counter[str]:
        """Return how often Stripe is asked what from now on."""
        asked: Counter[str] = Counter()

        @contextmanager
        def noted(call: str) -> Iterator[None]:
            asked[call.split(maxsplit=1)[0]] += 1
            yield

        self.reached = lambda: Through(self.home.stripe, noted)
        return asked

    def submit(self, route: str, secret: str, **form: str) -> dict[str, Any]:
        """Send a form of the browser's own page."""
        return self.send(route, secret, {"csrf": self.csrf(secret), **form})
