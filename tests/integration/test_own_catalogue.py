"""Somebody sells something of their own, and has edited the catalogue's file for it and nothing else.

A metric with a price, a plan, another price of a plan and a plan that is sold no more: quota, checkout,
Stripe, pages, the invoice, the audit and the client follow, by the functions themselves and the stand-in.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from functions.checkout.app import handler as checkout
from functions.dashboard.app import handler as dashboard
from functions.quota.app import handler as quota
from functions.reader.app import handler as reader
from functions.reporter.app import handler as reporter
from functions.stripe_events.app import handler as stripe_events
from functions.usage_intake.app import handler as usage_intake
from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Keep, Step, plan, wanted
from infra.operate.stripe_catalogue.unsold import Unsold
from tests.client.conftest import SHIPPED, client_of
from tests.fakes.api_gateway import SERVICE_CLAIMS, Answer, Handler, call
from tests.fakes.runtime import FakeContext, made_of
from tests.fakes.sqs import FakeSqs
from tests.fakes.table import MemoryTable
from tests.fakes.tollkeeper_api import TollkeeperApi, listening
from tests.standin.harness import START, Sandbox
from tollkeeper import catalogue
from tollkeeper.catalogue import load
from tollkeeper.client.requests import Meter
from tollkeeper.client.testing import assert_every_route_is_mapped
from tollkeeper.rules.times import iso
from tollkeeper.stripe.gateway import StripeGateway, connect

PAGE = "http://localhost:3000"
HOST = {"openapi": "3.1.0", "paths": {"/api/renders": {"post": {}}}}
"""A host's own document of its one endpoint."""

EDITS = {
    "[metrics]\n": "[metrics]\n"
    'renders = { display_name = "Renders", unit = "render", overage_price = 0.25 }\n',
    "[plans.starter]\n": '[plans.studio]\ndisplay_name = "Studio"\nprice = 49.00\n'
    "limits = { renders = 20, exports = 50 }\n\n[plans.starter]\n",
    "price = 29.00": "price = 31.00",
    "[routes]\n": '[routes]\n"POST /api/renders" = "renders"\n',
    "limits = { apiCalls = 100,": "limits = { renders = 2, apiCalls = 100,",
}
"""What is replaced in the shipped file."""


@pytest.fixture
def edited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Iterator[Path]:
    """The file in the place of the shipped one, by which Stripe had been told what to sell."""
    text = SHIPPED.read_text()
    for before, after in EDITS.items():
        assert 1 == text.count(before)
        text = text.replace(before, after)
    gone = re.search(r"\[plans\.enterprise\]\n.*?\n\n", text, re.DOTALL)
    assert gone
    file = tmp_path / "catalogue.toml"
    file.write_text(text.replace(gone[0], ""))
    monkeypatch.setattr(f"{catalogue.__name__}.file._SHIPPED", file)
    load.cache_clear()
    yield file
    monkeypatch.undo()
    load.cache_clear()
    assert sandbox


class Deployment:
    """The functions on a table in memory, and the stand-in; one clock passes for both."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.now = START
        self._table, self._sqs = MemoryTable(), FakeSqs()
        self._stripe = StripeGateway(connect("sk_test_live", sandbox.url), load(), "live")
        self._heard: set[str] = set()

    def ask(self, function: Handler, method: str, path: str, body: object = None, **more: Any) -> Answer:  # noqa: ANN401 - as `call` has it
        """Send a request of Ada's, or of a back end's."""
        with made_of(self._table, self._sqs, self._stripe, self.now):
            return call(function, method, path, body, **more)

    def run(self, function: Callable[..., Any], event: Mapping[str, Any]) -> Any:  # noqa: ANN401 - as Lambda has it
        """Call a function as Lambda does."""
        with made_of(self._table, self._sqs, self._stripe, self.now):
            return function(event, FakeContext())

    def consume(self, record_id: str, quantity: int = 1) -> Answer:
        """Consume renders."""
        event = {
            "routeKey": "POST /quota/{eventType}/consume",
            "pathParameters": {"eventType": "renders"},
            "requestContext": {"authorizer": {"jwt": {"claims": SERVICE_CLAIMS}}},
            "body": json.dumps({"userId": "ada", "id": record_id, "quantity": quantity}),
        }
        answer = self.run(quota, event)
        return Answer(answer["statusCode"], json.loads(answer["body"]), {})

    def buy(self, plan_name: str) -> str:
        """Have Ada buy a plan; return what Stripe's page says below its lines."""
        wish = {"plan": plan_name, "successUrl": PAGE, "cancelUrl": PAGE}
        session = self.ask(checkout, "POST", "/checkout", wish)
        assert 201 == session.status, session.body
        path = f"/_sandbox/checkout/sessions/{session.body['id']}/complete"
        assert self.sandbox.http.post(path, json={"card": "4242424242424242"}).is_success
        self.hear()
        (found,) = self.sandbox.stripe.v1.checkout.sessions.list().data
        assert found.custom_text.submit
        return found.custom_text.submit.message

    def move(self, to: datetime) -> None:
        """Let it be later, and let Stripe's events come."""
        self.now = to
        self.sandbox.move(to)
        self.hear()

    def hear(self) -> None:
        """Deliver what Stripe has to tell."""
        for event in [*self.sandbox.stripe.v1.events.list({"limit": 100}).auto_paging_iter()][::-1]:
            if event.id not in self._heard:
                self._heard.add(event.id)
                message = {
                    "messageId": event.id,
                    "receiptHandle": event.id,
                    "eventSource": "aws:sqs",
                    "attributes": {
                        "SentTimestamp": str(int(time.time() * 1_000) + 1),
                        "ApproximateReceiveCount": "1",
                    },
                    "body": json.dumps(event.to_dict(for_json=True)),
                }
                self.run(stripe_events, {"Records": [message]})

    def page(self) -> str:
        """Return Ada's usage page."""
        url = self.ask(dashboard, "POST", "/dashboard-link").body["url"]
        event = {
            "routeKey": "GET /dashboard",
            "rawPath": "/dashboard",
            "headers": {},
            "queryStringParameters": {"link": url.partition("link=")[2]},
            "requestContext": {"domainName": "api.test", "http": {"method": "GET", "path": "/dashboard"}},
        }
        cookie = self.run(dashboard, event)["cookies"][0].partition(";")[0]
        text: str = self.run(dashboard, {**event, "queryStringParameters": {}, "cookies": [cookie]})["body"]
        return text


@pytest.fixture
def deployment(edited: Path, sandbox: Sandbox) -> Deployment:
    """Deployed with the file, which was applied to Stripe."""
    assert edited.exists()
    applied(sandbox)
    return Deployment(sandbox)


def applied(sandbox: Sandbox) -> list[Step]:
    """Do what `make stripe-apply` does; return the steps."""
    stripe = StripeCatalogue(sandbox.stripe)
    steps = [*plan(load(), stripe.read([*wanted(load())]), START)]
    steps = [each for each in steps if not isinstance(each, Keep)]
    for step in steps:
        stripe.take(step, START)
    return steps


def test_stripe_follows(edited: Path, sandbox: Sandbox) -> None:
    """What is new is made, what changed has its new price; then what is sold no more is told."""
    assert edited.exists()
    assert applied(sandbox)
    assert [Unsold("tollkeeper_enterprise", "Enterprise")] == applied(sandbox)
    v1 = sandbox.stripe.v1
    prices = {each.lookup_key: each for each in v1.prices.list({"active": True, "limit": 100}).data}
    assert (49_00, 31_00, 25) == (
        prices["tollkeeper_studio_monthly"].unit_amount,
        prices["tollkeeper_starter_monthly"].unit_amount,
        prices[load().metrics["renders"].price_lookup_key].unit_amount,
    )
    assert "tollkeeper_renders_usage" in {each.event_name for each in v1.billing.meters.list().data}


def test_checkout_follows(deployment: Deployment) -> None:
    """It sells the plan, says what is included and what more costs, and knows the other no more."""
    wish = {"plan": "enterprise", "successUrl": PAGE, "cancelUrl": PAGE}
    refused = deployment.ask(checkout, "POST", "/checkout", wish)
    assert (422, True) == (refused.status, "studio" in json.dumps(refused.body))
    said = deployment.buy("studio")
    assert re.search(r"20 renders.*\$0\.25", said, re.DOTALL), said


def test_quota_and_pages_follow(deployment: Deployment) -> None:
    """Two renders are free, twenty are in the plan, and what is shown says so everywhere."""
    assert [200, 402] == [deployment.consume("free", 2).status, deployment.consume("one").status]
    deployment.buy("studio")
    assert [200, 402] == [deployment.consume("all", 20).status, deployment.consume("more").status]
    shown = deployment.ask(reader, "GET", "/subscription").body
    assert ("studio", 20, 20) == (shown["plan"], shown["limits"]["renders"], shown["usage"]["renders"])
    page = deployment.page()
    assert re.search(r"<h1>Studio</h1>.*Renders</th>.*?>20</a>\s*of 20", page, re.DOTALL)
    assert "Enterprise" not in page


def test_the_invoice_follows(deployment: Deployment) -> None:
    """Five renders more than the plan includes, as a back end reports them, are $1.25 on the renewal."""
    deployment.buy("studio")
    deployment.move(START + timedelta(days=14, hours=2))
    assert [200, 200] == [deployment.consume("all", 24).status, deployment.consume("more").status]
    reported = {"id": "late", "userId": "ada", "eventType": "rendering", "timestamp": iso(deployment.now)}
    answer = deployment.ask(usage_intake, "POST", "/usage", {"records": [reported]}).body
    assert "renders" in json.dumps(answer["rejected"])
    end = datetime.fromisoformat(deployment.ask(reader, "GET", "/subscription").body["currentPeriodEnd"])
    for minutes in (0, 6, 12, 70, 140):
        deployment.move(end + timedelta(minutes=minutes))
        deployment.run(reporter, {})
    (renewal, *_) = deployment.sandbox.stripe.v1.invoices.list().data
    assert {"paid": [(1, 49_00), (5, 1_25)]} == {
        renewal.status: sorted((each.quantity, each.amount) for each in renewal.lines.data)
    }


def test_audit_and_client_follow(edited: Path) -> None:
    """A host's own endpoint is mapped, and a request of it consumes one."""
    assert_every_route_is_mapped(HOST)
    with pytest.raises(AssertionError, match="POST /api/renders"):
        assert_every_route_is_mapped(HOST, catalogue=load(SHIPPED))
    assert edited.exists()
    with listening(TollkeeperApi(limits={"renders": 1})) as api:
        tollkeeper = client_of(api, patience=5)
        meter: Meter[None] = Meter(tollkeeper, lambda _: "ada")
        first, second = (meter.begin("POST", "/api/renders", None) for _ in range(2))
        tollkeeper.close(1)
    assert ("renders", True, False) == (first.metric, first.refusal is None, second.refusal is None)
