"""What the Stripe catalogue says of metered prices, which Stripe has and Tollkeeper does not sell."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from stripe import RequestsClient, StripeClient

from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import Billed, Keep, Metered, Step, plan, wanted
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.stripe.gateway import StripeGateway

CATALOGUE = load()
STARTER = CATALOGUE.plans["starter"].price_lookup_key


class Metering(RequestsClient):
    """The way to a Stripe that has metered prices: the stand-in, which does not play them, and these.

    `meters` are the meters that prices use, by the price's id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.meters: dict[str, str] = {}

    def request(  # type: ignore[override]  # the SDK's classes differ among themselves
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,  # noqa: ANN401 - the SDK's own
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Answer as the stand-in does, but of metered prices."""
        body, status, got = super().request(method, url, headers, post_data)
        answer = json.loads(body, object_hook=self._metered)
        asked = parse_qs(urlsplit(url).query)
        if asked.get("recurring[usage_type]") == ["metered"] or "recurring[meter]" in asked:
            wanted = asked.get("recurring[meter]", [*self.meters.values()])
            using = [price for price, meter in self.meters.items() if meter in wanted]
            prices = [{"object": "price", "id": price, "recurring": {}} for price in using]
            answer["data"] = [self._metered(price) for price in prices]
        return json.dumps(answer).encode(), status, got

    def _metered(self, thing: dict[str, Any]) -> dict[str, Any]:
        if thing.get("object") == "price" and thing["id"] in self.meters:
            thing["recurring"] |= {"usage_type": "metered", "meter": self.meters[thing["id"]]}
        return thing


@pytest.fixture
def metering() -> Metering:
    """The way there."""
    return Metering()


@pytest.fixture
def client(sandbox: Sandbox, metering: Metering) -> StripeClient:
    """Stripe's own SDK on that way."""
    return StripeClient("sk_test_tests", base_addresses={"api": sandbox.url}, http_client=metering)


def steps(client: StripeClient) -> list[Step]:
    """What is planned for an account that holds the catalogue, but for what is left as it is."""
    existing = StripeCatalogue(client).read([*wanted(CATALOGUE)])
    return [step for step in plan(CATALOGUE, existing, START) if not isinstance(step, Keep)]


def subscribe(client: StripeClient, *prices: str) -> str:
    """Subscribe a new customer, on trial, to these prices; the subscription's id."""
    customer = client.v1.customers.create()
    return client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price} for price in prices],
            "trial_period_days": 14,
        }
    ).id


def test_a_meter_that_a_price_uses_is_refused(client: StripeClient, metering: Metering) -> None:
    """It is named with every price that uses it; a price of another meter is none of ours."""
    meters = client.v1.billing.meters.list({"limit": 100}).data
    (exports,) = (meter.id for meter in meters if meter.event_name == "tollkeeper_exports_usage")
    metering.meters = {"price_1": exports, "price_2": "mtr_of_others", "price_3": exports}

    (billed,) = steps(client)

    assert isinstance(billed, Billed)
    assert ("tollkeeper_exports_usage", ("price_1", "price_3")) == (billed.found.event_name, billed.prices)


def test_the_mirror_is_not_told_of_a_meter_that_a_price_uses(
    client: StripeClient, metering: Metering
) -> None:
    """Nor of one that was archived."""
    names = [metric.usage_meter_name for metric in CATALOGUE.mirrored_metrics]
    ids = {meter.event_name: meter.id for meter in client.v1.billing.meters.list({"limit": 100}).data}
    gateway = StripeGateway(client, CATALOGUE, "live")
    assert {*names} == gateway.showing_meters(names)
    metering.meters = {"price_1": ids[names[0]], "price_2": "mtr_of_others"}
    client.v1.billing.meters.deactivate(ids[names[1]])
    assert {*names[2:]} == gateway.showing_meters(names)


def test_metered_items_of_subscriptions_to_our_plans_are_named(
    client: StripeClient, metering: Metering
) -> None:
    """A subscription to something else is none of ours."""
    (starter,) = client.v1.prices.list({"lookup_keys": [STARTER]}).data
    calls = client.v1.prices.create(
        {
            "product_data": {"name": "Calls"},
            "currency": "usd",
            "unit_amount": 1,
            "recurring": {"interval": "month"},
        }
    )
    ours = subscribe(client, starter.id, calls.id)
    subscribe(client, calls.id)
    metering.meters = {calls.id: "mtr_of_others"}

    assert [Metered(ours, (calls.id,))] == steps(client)
