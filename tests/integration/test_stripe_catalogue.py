"""The catalogue carried over to an account of the Stripe stand-in."""

import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import httpx
import pytest
import uvicorn
from stripe import APIConnectionError, StripeClient

from infra.operate.__main__ import main
from infra.operate.stripe_catalogue.gateway import StripeCatalogue
from infra.operate.stripe_catalogue.planning import (
    PRICE_REST,
    Existing,
    Keep,
    Step,
    plan,
    wanted,
)
from infra.operate.stripe_catalogue.unsold import Unsold
from infra.stripe_standin.app import create_app
from infra.stripe_standin.clocks.sandbox_clock import SandboxClock
from tollkeeper.catalogue import Catalogue, load

NOW = datetime(2026, 11, 1, tzinfo=UTC)
CATALOGUE = load()
STARTER = "tollkeeper_starter_monthly"


@pytest.fixture
def clock() -> SandboxClock:
    """The stand-in's clock."""
    return SandboxClock(NOW)


@pytest.fixture
def address(clock: SandboxClock) -> Iterator[str]:
    """Where a new, empty account is served."""
    listener = socket.create_server(("127.0.0.1", 0))
    # asyncio does this only for sockets it made itself; without, answers wait 40 ms for an acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = uvicorn.Server(uvicorn.Config(create_app(clock=clock, public_url=url), log_level="warning"))
    thread = threading.Thread(target=server.run, args=([listener],))
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield url
    server.should_exit = True
    thread.join()


@pytest.fixture
def client(address: str) -> StripeClient:
    """Stripe's own SDK, talking to that account."""
    return StripeClient("sk_test_standin", base_addresses={"api": address})


def apply(client: StripeClient, catalogue: Catalogue, now: datetime) -> list[Step]:
    """Apply a catalogue and return the steps that changed something."""
    stripe = StripeCatalogue(client)
    steps = plan(catalogue, stripe.read([*wanted(catalogue)]), now)
    for step in steps:
        stripe.take(step, now)
    return [step for step in steps if not isinstance(step, Keep)]


def read(client: StripeClient) -> Existing:
    """What the account holds of the shipped catalogue."""
    return StripeCatalogue(client).read([*wanted(CATALOGUE)])


def with_starter_at(cents: int) -> Catalogue:
    """The shipped catalogue with another price for the starter plan."""
    starter = replace(CATALOGUE.plans["starter"], price=cents)
    return replace(CATALOGUE, plans={**CATALOGUE.plans, "starter": starter})


def run(command: str, address: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """Run the command line against the stand-in; the exit code and the lines it printed."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STRIPE_SECRET_KEY", "sk_test_standin")
        environment.setenv("STRIPE_API_BASE", address)
        code = main(["stripe", command, "--without-stack"])
    printed = capsys.readouterr()
    return code, (printed.out or printed.err).splitlines()


def subscribe(client: StripeClient, *lookup_keys: str) -> str:
    """Subscribe a new customer, on trial, to these prices; the subscription's id."""
    customer = client.v1.customers.create()
    prices = client.v1.prices.list({"lookup_keys": [*lookup_keys]}).data
    subscription = client.v1.subscriptions.create(
        {
            "customer": customer.id,
            "items": [{"price": price.id} for price in prices],
            "trial_period_days": 14,
        }
    )
    return subscription.id


class TestApply:
    """What ends up in Stripe."""

    def test_everything_wanted(self, client: StripeClient) -> None:
        """After one apply the account holds exactly what is wanted."""
        apply(client, CATALOGUE, NOW)

        held = read(client)

        assert {*wanted(CATALOGUE)} == {
            *held.meters.values(),
            *held.products.values(),
            *(found.price for found in held.prices.values()),
            held.portal and held.portal.portal,
        }

    def test_twice(self, client: StripeClient) -> None:
        """A second apply changes nothing."""
        apply(client, CATALOGUE, NOW)

        assert [] == apply(client, CATALOGUE, NOW)

    def test_portal(self, client: StripeClient) -> None:
        """One configuration bears our mark; what somebody changes of it is changed back, in its place."""
        apply(client, CATALOGUE, NOW)
        api = client.v1.billing_portal.configurations
        (made,) = api.list().data
        api.update(made.id, {"active": False, "features": {"subscription_update": {"enabled": True}}})
        apply(client, CATALOGUE, NOW)
        (kept,) = api.list().data

        assert {"tollkeeper": "portal"} == made.metadata.to_dict() if made.metadata else False
        assert (made.id, True, False, "at_period_end") == (
            kept.id,
            kept.active,
            kept.features.subscription_update.enabled,
            kept.features.subscription_cancel.mode,
        )

    def test_portal_of_somebody_else(self, client: StripeClient) -> None:
        """A configuration without our mark is left alone."""
        foreign = client.v1.billing_portal.configurations.create(
            {"features": {"invoice_history": {"enabled": True}}}
        )
        apply(client, CATALOGUE, NOW)

        assert foreign == client.v1.billing_portal.configurations.retrieve(foreign.id)

    def test_overage_price(self, client: StripeClient) -> None:
        """An overage price is found by its lookup key, flat per unit, charged once, before tax."""
        apply(client, CATALOGUE, NOW)
        (price,) = client.v1.prices.list({"lookup_keys": ["tollkeeper_exports_overage"]}).data

        assert ("one_time", None, "per_unit", Decimal(50), "exclusive") == (
            price.type,
            price.recurring,
            price.billing_scheme,
            price.unit_amount_decimal,
            price.tax_behavior,
        )

    def test_meters(self, client: StripeClient) -> None:
        """Every metric has a meter."""
        apply(client, CATALOGUE, NOW)

        assert {metric.usage_meter_name for metric in CATALOGUE.metrics.values()} == {
            meter.event_name for meter in client.v1.billing.meters.list({"limit": 100}).data
        }

    def test_tax_said_later(self, client: StripeClient) -> None:
        """A price that leaves open how tax stands is told in place, and stays the price that people pay."""
        client.v1.products.create({"id": "tollkeeper_starter", "name": "Solo Design"})
        old = client.v1.prices.create(
            {
                "product": "tollkeeper_starter",
                "currency": "usd",
                "unit_amount": 2_900,
                "recurring": {"interval": "month"},
                "lookup_key": STARTER,
            }
        )

        apply(client, CATALOGUE, NOW)

        assert (old.id, "exclusive") == (
            read(client).prices[STARTER].id,
            client.v1.prices.retrieve(old.id).tax_behavior,
        )

    def test_changed_amount(self, client: StripeClient) -> None:
        """A changed amount is a new price under the same lookup key; the old one goes on beside it."""
        apply(client, CATALOGUE, NOW)
        old = read(client).prices[STARTER]

        apply(client, with_starter_at(3_900), NOW)

        held = read(client)
        assert (Decimal(3_900), [old.id]) == (
            held.prices[STARTER].price.cents,
            [found.id for found in held.replaced],
        )

    def test_there_and_back(self, client: StripeClient) -> None:
        """An amount that changes and changes back at once ends where it began."""
        for cents in (2_900, 3_900, 2_900):
            apply(client, with_starter_at(cents), NOW)

        assert Decimal(2_900) == read(client).prices[STARTER].price.cents

    def test_archive(self, client: StripeClient, clock: SandboxClock) -> None:
        """A replaced price that nobody pays is archived when it has rested."""
        apply(client, with_starter_at(1_900), NOW)
        apply(client, CATALOGUE, NOW)
        clock.set(NOW + PRICE_REST)

        apply(client, CATALOGUE, clock.now())

        assert [] == list(read(client).replaced)

    def test_price_in_use(self, client: StripeClient, clock: SandboxClock) -> None:
        """A replaced price that a subscription pays stays active, however long that is."""
        apply(client, with_starter_at(1_900), NOW)
        subscribe(client, STARTER)
        apply(client, CATALOGUE, NOW)
        clock.set(NOW + PRICE_REST)

        assert [] == apply(client, CATALOGUE, clock.now())

    def test_price_added_by_hand(self, client: StripeClient, clock: SandboxClock) -> None:
        """A price that somebody added to one of the products is left alone."""
        apply(client, CATALOGUE, NOW)
        special = client.v1.prices.create(
            {
                "product": "tollkeeper_starter",
                "currency": "usd",
                "unit_amount": 1_000,
                "recurring": {"interval": "year"},
            }
        )
        clock.set(NOW + 2 * PRICE_REST)

        apply(client, CATALOGUE, clock.now())

        assert client.v1.prices.retrieve(special.id).active

    def test_renamed(self, client: StripeClient) -> None:
        """What was renamed in Stripe gets its name back."""
        apply(client, CATALOGUE, NOW)
        client.v1.products.update("tollkeeper_starter", {"name": "Beginner"})

        apply(client, CATALOGUE, NOW)

        assert "Solo Design" == client.v1.products.retrieve("tollkeeper_starter").name

    @pytest.mark.parametrize("effect", ["before", "after"])
    @pytest.mark.parametrize("path", ["/v1/products", "/v1/prices", "/v1/billing/meters"])
    def test_interrupted(self, client: StripeClient, address: str, path: str, effect: str) -> None:
        """What a broken connection cut short, before or after a call took effect, the next run completes."""
        fault = {"method": "POST", "path": path, "effect": effect, "answer": "lost"}
        httpx.put(f"{address}/_sandbox/faults", json={"faults": [fault]}).raise_for_status()
        with pytest.raises(APIConnectionError):
            apply(client, CATALOGUE, NOW)

        apply(client, CATALOGUE, NOW)

        assert ([], []) == (apply(client, CATALOGUE, NOW), list(read(client).replaced))

    def test_taken_out(self, client: StripeClient) -> None:
        """A plan and a priced metric that the catalogue has no more are told, and stay as they are."""
        apply(client, CATALOGUE, NOW)
        paying = subscribe(client, STARTER)
        without = replace(
            CATALOGUE,
            plans={name: each for name, each in CATALOGUE.plans.items() if name == "free"},
            metrics={name: each for name, each in CATALOGUE.metrics.items() if name != "exports"},
        )

        steps = apply(client, without, NOW)

        assert {
            ("tollkeeper_starter", (paying,)),
            ("tollkeeper_professional", ()),
            ("tollkeeper_enterprise", ()),
            ("tollkeeper_exports_overage", ()),
        } == {(step.product, step.subscriptions) for step in steps if isinstance(step, Unsold)}
        assert all(isinstance(step, Unsold) for step in steps)
        assert {True} == {each.active for each in read(client).products.values()}
        assert [] == apply(client, CATALOGUE, NOW)

    def test_archived_by_hand(self, client: StripeClient) -> None:
        """Whoever archives what is sold no more hears of it no more."""
        apply(client, CATALOGUE, NOW)
        without = replace(
            CATALOGUE, plans={name: each for name, each in CATALOGUE.plans.items() if name != "enterprise"}
        )
        assert ["tollkeeper_enterprise"] == [
            step.product for step in apply(client, without, NOW) if isinstance(step, Unsold)
        ]

        client.v1.products.update("tollkeeper_enterprise", {"active": False})

        assert [] == apply(client, without, NOW)


class TestCommandLine:
    """What the person who runs it sees."""

    def test_plan_changes_nothing(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        """A plan can be repeated: it prints the same each time, for it changes nothing."""
        assert run("plan", address, capsys) == run("plan", address, capsys)

    def test_apply_does_what_plan_said(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        """Apply prints the lines that plan had announced."""
        _, announced = run("plan", address, capsys)

        _, done = run("apply", address, capsys)

        assert announced[:-1] == done[:-1]

    def test_nothing_left(self, address: str, capsys: pytest.CaptureFixture[str]) -> None:
        """After an apply, a plan says that nothing is left to change."""
        run("apply", address, capsys)

        code, lines = run("plan", address, capsys)

        assert (0, "Nothing to change") == (code, lines[-1])

    def test_missing_key(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a key it says which variable to set."""
        monkeypatch.delenv("STRIPE_SECRET_KEY", raising=False)
        assert 2 == main(["stripe", "plan", "--without-stack"])
        assert "Set STRIPE_SECRET_KEY" in capsys.readouterr().err

    def test_live_key(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """A live key alone is not enough to touch what real customers pay."""
        monkeypatch.setenv("STRIPE_SECRET_KEY", "sk_live_x")
        assert 2 == main(["stripe", "apply", "--without-stack"])
        assert "add --prod (PROD=1)" in capsys.readouterr().err

    def test_clash(self, address: str, client: StripeClient, capsys: pytest.CaptureFixture[str]) -> None:
        """A meter that counts otherwise stops apply before it changes anything."""
        client.v1.billing.meters.create(
            {
                "display_name": "Mine",
                "event_name": "tollkeeper_exports_usage",
                "default_aggregation": {"formula": "count"},
            }
        )

        code, lines = run("apply", address, capsys)

        assert (1, 1, {}) == (code, len(lines), read(client).products)
        assert lines[0].startswith("! meter tollkeeper_exports_usage")

    def test_plan_of_a_clash(
        self, address: str, client: StripeClient, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Plan shows it among the rest, and fails, for apply would."""
        client.v1.billing.meters.create(
            {
                "display_name": "Mine",
                "event_name": "tollkeeper_exports_usage",
                "default_aggregation": {"formula": "count"},
            }
        )

        code, lines = run("plan", address, capsys)

        assert (1, 1) == (code, sum(line.startswith("! meter tollkeeper_exports_usage") for line in lines))
