"""Customers who were in Stripe before Tollkeeper came, at the stand-in: adopted, refused, gone on with."""

import csv
import io
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, cast

import pytest

from infra.operate.adopt.account import StripeAccount
from infra.operate.adopt.adoption import Adoption
from infra.operate.adopt.command import run
from infra.operate.adopt.obstacles import Hurdle
from infra.operate.adopt.planning import Fate, Step
from infra.operate.adopt.whose import by_metadata
from infra.operate.answers import Format
from tests.fakes.table import MemoryTable
from tests.ledger.crashes import Beyond, Crash, CrashingTable, Moment, Outside
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.ledger.bills import Bills
from tollkeeper.ledger.patience import for_seconds
from tollkeeper.ledger.sweep_progress import SweepProgressBook
from tollkeeper.ledger.users import Users
from tollkeeper.rules.offers import Offer
from tollkeeper.rules.subscriptions import Status, choose
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.checkout import Checkout, CheckoutWish
from tollkeeper.subscriptions.errors import AlreadySubscribedError
from tollkeeper.subscriptions.sweep import LOOKS_BACK, Sweep, Swept

CATALOGUE = load()
OFFER = Offer(CATALOGUE, START.date())
STARTER = CATALOGUE.plans["starter"].price_lookup_key
WHOSE = by_metadata("user_id")
PAGE = "https://app.example.com"


class Town:
    """An account of Stripe's with customers of its own, and an empty ledger."""

    def __init__(self, sandbox: Sandbox, stripe: StripeGateway) -> None:
        self.sandbox = sandbox
        self.api = sandbox.stripe.v1
        self.stripe = stripe
        self.table = MemoryTable()
        self.users = Users(self.table)
        self.adoption = Adoption(
            StripeAccount(sandbox.stripe, CATALOGUE, "live"),
            self.users,
            stripe,
            CATALOGUE,
            OFFER,
            "live",
            lambda: START,
        )
        (self.starter,) = self.api.prices.list({"lookup_keys": [STARTER]}).data

    def customer(self, user: str | None = None) -> str:
        """Make a customer with a card, as a shop does that names users its own way."""
        params: Any = {"metadata": {"user_id": user}} if user else {}
        customer = self.api.customers.create(params)
        card = self.api.payment_methods.attach("pm_card_visa", {"customer": customer.id})
        self.api.customers.update(customer.id, {"invoice_settings": {"default_payment_method": card.id}})
        return customer.id

    def subscriber(self, user: str | None = None, price: str | None = None, **more: Any) -> str:  # noqa: ANN401 - any parameter
        """Make one who subscribes, to the starter plan unless to something else."""
        customer = self.customer(user)
        params: Any = {"customer": customer, "items": [{"price": price or self.starter.id}], **more}
        self.api.subscriptions.create(params)
        return customer

    def price(self, product: str, **other: Any) -> str:  # noqa: ANN401 - any parameter
        """Make a price of a product that exists, or is made."""
        params: Any = {
            "product": product,
            "currency": "usd",
            "unit_amount": 900,
            "recurring": {"interval": "month"},
            **other,
        }
        return self.api.prices.create(params).id

    def plan(self) -> list[Step]:
        """What there is to do."""
        return self.adoption.plan(list(self.adoption.account.customers()), WHOSE)

    def fates(self) -> dict[str, Fate]:
        """What becomes of each customer."""
        return {step.customer.id: step.fate for step in self.plan()}

    def adopt(self, adoption: Adoption | None = None) -> list[str | None]:
        """Plan and apply; what failed."""
        by = adoption or self.adoption
        steps = by.plan(list(by.account.customers()), WHOSE)
        chosen = [step for step in steps if step.fate is Fate.ADOPT]
        return [result.failure for result in by.apply(chosen)]

    def is_adopted(self, user: str, customer: str) -> bool:
        """Whether the ledger says what Stripe says, and Stripe names the user."""
        row = self.users.read(user, START)
        (found,) = self.stripe.subscriptions_of(customer)
        return (user, customer, found) == (self.stripe.user_of(customer), row.customer_id, row.subscription)

    def checkout(self, user: str) -> None:
        """Have a user ask for a page to pay on."""
        checkout = Checkout(self.users, self.stripe, CATALOGUE, frozenset({PAGE}))
        checkout.open_session(CheckoutWish(user, "starter", PAGE, PAGE), START)

    def sweep(self) -> Swept:
        """Sweep."""
        sweep = Sweep(
            self.users, Bills(self.table), self.stripe, OFFER, "live", SweepProgressBook(self.table)
        )
        return sweep.run(START, for_seconds(900), LOOKS_BACK)

    def writes(self) -> int:
        """How often Stripe was asked to change something."""
        asked = self.sandbox.http.get("/_sandbox/requests").json()["requests"]
        return sum(each["method"] != "GET" for each in asked)


@pytest.fixture
def town(sandbox: Sandbox, gateway: StripeGateway) -> Town:
    """The town, in which nobody has a customer yet."""
    return Town(sandbox, gateway)


def test_a_subscriber_is_adopted_whole(town: Town) -> None:
    """Row, period and plan are there, what was noted before stays, and the sweep finds nothing to repair."""
    customer = town.subscriber("ada")
    assert [None] == town.adopt()
    assert town.is_adopted("ada", customer)
    (period,) = town.users.history("ada").periods
    assert ("starter", START) == (period.terms.plan, period.start)
    noted = town.api.customers.retrieve(customer).metadata
    assert noted
    assert {"user_id": "ada", "userId": "ada", "deployment": "live"} == noted.to_dict()
    (subscription,) = town.api.subscriptions.list({"customer": customer}).data
    assert {"userId": "ada", "deployment": "live", "planId": "starter"} == subscription.metadata.to_dict()
    assert (0, 0) == (town.sweep().repaired, town.sweep().failed)


def test_nothing_that_a_customer_pays_changes(town: Town) -> None:
    """Neither items nor periods nor invoices: notes alone are written."""
    customer = town.subscriber("ada")

    def paid() -> object:
        (subscription,) = town.api.subscriptions.list({"customer": customer}).data
        bought = {**subscription.to_dict(), "metadata": None}
        return bought, [each.to_dict() for each in town.api.invoices.list({"customer": customer}).data]

    before = paid()
    town.adopt()
    assert before == paid()


def test_who_is_adopted_buys_nothing_twice(town: Town) -> None:
    """Checkout knows the subscription, and the customer of who has none."""
    town.subscriber("ada")
    idle = town.customer("bob")
    town.adopt()
    with pytest.raises(AlreadySubscribedError):
        town.checkout("ada")
    town.checkout("bob")
    assert (idle, 2) == (town.users.read("bob", START).customer_id, len(town.api.customers.list().data))


def test_adopting_again_writes_nothing(town: Town) -> None:
    """Neither at Stripe nor in the ledger; who has come since is adopted."""
    town.subscriber("ada")
    town.customer("bob")
    town.adopt()
    rows = dict(town.table.rows)
    writes = town.writes()
    assert [] == town.adopt()
    assert (rows, writes) == (town.table.rows, town.writes())
    town.subscriber("eve")
    assert [None] == town.adopt()


def test_each_who_cannot_be_adopted_is_told_and_stops_nobody(town: Town) -> None:
    """Another currency, product, interval, deployment or user; twice; and one beside them all."""
    good = town.subscriber("good")
    plan = CATALOGUE.plans["starter"].product_id
    lamp = town.api.products.create({"name": "Lamp"}).id
    twice = town.subscriber("twice")
    town.api.subscriptions.create({"customer": twice, "items": [{"price": town.starter.id}]})
    of_others: Any = {"metadata": {"userId": "x", "deployment": "other"}}
    expected = {
        town.subscriber("euro", town.price(plan, currency="eur")): [Hurdle.CURRENCY],
        town.subscriber("lamp", town.price(lamp)): [Hurdle.NO_PLAN],
        town.subscriber("year", town.price(plan, recurring={"interval": "year"})): [Hurdle.INTERVAL],
        town.subscriber("other", **of_others): [Hurdle.OTHER_DEPLOYMENT],
        twice: [Hurdle.SEVERAL_SUBSCRIPTIONS],
        town.customer("two"): [Hurdle.SEVERAL_CUSTOMERS],
        town.customer("two"): [Hurdle.SEVERAL_CUSTOMERS],
        town.subscriber(): [Hurdle.NOBODY],
    }
    refused = {
        step.customer.id: [each.hurdle for each in step.obstacles] for step in town.plan() if step.obstacles
    }
    assert expected == refused
    assert [None] == town.adopt()
    assert town.is_adopted("good", good)
    assert Status.ACTIVE is town.stripe.subscriptions_of(good)[0].status


def test_a_first_charge_that_failed_is_not_adopted_into_a_cancellation(town: Town) -> None:
    """Its owner goes on waiting for the money, as before."""
    customer = town.customer("ada")
    card = town.api.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer})
    town.api.subscriptions.create(
        {
            "customer": customer,
            "items": [{"price": town.starter.id}],
            "default_payment_method": card.id,
            "trial_period_days": 1,
        }
    )
    town.sandbox.move(START + timedelta(days=2))
    (step,) = town.plan()
    assert [Hurdle.FIRST_CHARGE_FAILED] == [each.hurdle for each in step.obstacles]


def test_deleted_customers_are_passed_over(town: Town) -> None:
    """One that is deleted before is not listed; one that goes between plan and deed fails alone."""
    town.api.customers.delete(town.subscriber("gone"))
    going, staying = town.subscriber("going"), town.subscriber("staying")
    steps = town.plan()
    assert {going, staying} == {step.customer.id for step in steps}
    town.api.customers.delete(going)
    failures = {result.step.customer.id: result.failure for result in town.adoption.apply(steps)}
    assert (None, True) == (failures[staying], "No such customer" in str(failures[going]))
    assert town.is_adopted("staying", staying)


def test_whoever_got_another_customer_meanwhile_keeps_it(town: Town) -> None:
    """The ledger decides, before anything is noted at Stripe."""
    customer = town.subscriber("ada")
    steps = town.plan()
    town.users.bind_customer("ada", "cus_other")
    ((_, failure),) = town.adoption.apply(steps)
    assert "ada has got the customer cus_other meanwhile" == failure
    assert None is town.stripe.user_of(customer)


def test_it_goes_on_from_wherever_it_died(town: Town) -> None:
    """Dying before or after any call to Stripe or the ledger, and run again: as if nothing had happened."""
    whole: set[int] = set()
    for moment in Moment:
        for crash_at in count():
            user = f"{moment} {crash_at}"
            customer = town.subscriber(user)
            outside = Outside(crash_at, moment)
            dying = replace(
                town.adoption,
                account=cast("Any", Beyond(town.adoption.account, outside)),
                users=Users(CrashingTable(town.table, outside)),
                stripe=cast("Any", Beyond(town.stripe, outside)),
            )
            try:
                town.adopt(dying)
            except Crash:
                town.adopt()
            else:
                whole.add(len(outside.calls))
                break
            assert town.is_adopted(user, customer)
            assert [] == town.adopt()
    assert 1 == len(whole)
    assert min(whole) >= 8


def test_while_stripe_is_away_it_stops_and_goes_on_later(town: Town) -> None:
    """After three without an answer; one of them alone is passed over."""
    for user in "abcde":
        town.subscriber(user)
    down = {"method": "POST", "path": "/v1/customers/*", "answer": "500"}
    town.sandbox.put("faults", {"faults": [{**down, "count": 1}]})
    assert 4 == town.adopt().count(None)
    town.subscriber("f")
    town.subscriber("g")
    town.sandbox.put("faults", {"faults": [{**down, "count": 50}]})
    with pytest.raises(StripeUnavailableError):
        town.adopt()
    town.sandbox.put("faults", {"faults": []})
    assert [None] * 3 == town.adopt()
    assert {Fate.ADOPTED} == set(town.fates().values())


def test_the_plan_is_read_at_a_glance_or_as_csv(town: Town, capsys: pytest.CaptureFixture[str]) -> None:
    """The table shows the first of many, and the sums; the file has every line, and nothing else."""
    for number in range(24):
        town.customer(f"user {number}")
    town.customer("user [/] [red]:boom:")
    town.subscriber()
    assert 1 == run(town.adoption, WHOSE, Format.TEXT, applies=False)
    shown = capsys.readouterr().out
    assert "… and 5 more" in shown
    assert "25 to adopt" in shown
    assert "user [/] [red]:boom:" in shown
    assert 1 == run(town.adoption, WHOSE, Format.CSV, applies=True)
    said = capsys.readouterr()
    lines = list(csv.DictReader(io.StringIO(said.out)))
    assert (26, 25) == (len(lines), sum(line["fate"] == Fate.ADOPT for line in lines))
    assert "25 adopted, 0 to go on with" in said.err
    assert {Fate.ADOPTED, Fate.REFUSED} == set(town.fates().values())


def test_the_one_that_counts_is_the_one_that_stripe_has(town: Town) -> None:
    """What an adopted subscriber does afterwards is followed as anybody's."""
    customer = town.subscriber("ada")
    town.adopt()
    (subscription,) = town.stripe.subscriptions_of(customer)
    town.api.subscriptions.cancel(subscription.id)
    town.sweep()
    assert choose(town.stripe.subscriptions_of(customer)) == town.users.read("ada", START).subscription


def test_a_product_that_is_sold_as_a_plan_is_moved_at_what_it_costs(town: Town) -> None:
    """At one price for all of an amount, though a first try may fail; nothing is invoiced for it."""
    lamp = town.api.products.create({"name": "Lamp"}).id
    old = town.price(lamp, unit_amount=1234)
    several = [town.subscriber("ada", items=[{"price": old, "quantity": 3}]), town.subscriber("bob", old)]
    invoices = [len(town.api.invoices.list({"customer": each}).data) for each in several]
    adoption = replace(town.adoption, products={lamp: "professional"})
    fault = {"method": "POST", "path": "/v1/subscriptions/*", "answer": "500", "count": 1}
    town.sandbox.put("faults", {"faults": [fault]})
    assert 1 == town.adopt(adoption).count(None)
    assert [None] == town.adopt(adoption)
    assert [] == town.adopt()
    product = CATALOGUE.plans["professional"].product_id
    found = [town.api.subscriptions.list({"customer": each}).data[0]["items"].data for each in several]
    assert [(product, 1234, 3), (product, 1234, 1)] == [
        (item.price.product, item.price.unit_amount, item.quantity) for (item,) in found
    ]
    assert 1 == len({item.price.id for (item,) in found})
    assert invoices == [len(town.api.invoices.list({"customer": each}).data) for each in several]
    assert town.is_adopted("ada", several[0])
    row = town.users.read("bob", START)
    assert row.subscription
    assert "professional" == row.subscription.plan


def test_what_cannot_be_moved_is_still_refused(town: Town) -> None:
    """A product beside others, and one that is billed by the year, are the seller's to change."""
    lamp = town.api.products.create({"name": "Lamp"}).id
    other = town.api.products.create({"name": "Shade"}).id
    both = [{"price": town.price(lamp)}, {"price": town.price(other)}]
    expected = {
        town.subscriber("two", items=both): [Hurdle.NO_PLAN],
        town.subscriber("year", town.price(lamp, recurring={"interval": "year"})): [Hurdle.INTERVAL],
    }
    adoption = replace(town.adoption, products={lamp: "starter"})
    steps = adoption.plan(list(adoption.account.customers()), WHOSE)
    assert expected == {step.customer.id: [each.hurdle for each in step.obstacles] for step in steps}
