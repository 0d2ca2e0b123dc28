"""What holds of the port for Stripe, of the fake and of the gateway alike: so the fake cannot lie.

The gateway talks to the stand-in. What only Stripe itself can do, as paying on a page or deleting a customer,
each of the two worlds does in its own way.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Protocol

import pytest

from tests.fakes.customer_pages import without_words
from tests.fakes.stripe import FakeStripe
from tests.standin.harness import START, Sandbox
from tollkeeper.catalogue import load
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Card, Cause, PaymentMethod, Status, Subscription
from tollkeeper.rules.times import from_epoch
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import LineKind, PortalFlow, ShownLine
from tollkeeper.stripe.errors import StripeRefusedError, StripeUnavailableError
from tollkeeper.stripe.event_types import EventType, Style, of_style
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.stripe.port import CheckoutOrder, MeterRejection, OwnInvoice, Stripe

VISA = PaymentMethod("card", Card("visa", "4242", 12, 2030))
PAGE = "https://app.example.com"
TRIAL = timedelta(days=14)
DAY = timedelta(days=1)


class World(Protocol):
    """Stripe as the port has it, and what happens there without Tollkeeper."""

    stripe: Stripe

    def pay(self, session_id: str) -> None:
        """Subscribe on a session's page, with a card that succeeds."""

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer."""

    def foreign_customer(self) -> str:
        """Return a customer whom another deployment made."""

    def account(self) -> str:
        """Return the id of the account."""

    def owe(self, customer_id: str) -> None:
        """Have a renewal of a customer's fail."""

    def move(self, now: datetime) -> None:
        """Let time pass."""

    def stop_deliveries(self) -> None:
        """Have no event arrive from now on."""

    def thin_events(self) -> list[str]:
        """Return the ids of the thin events there are, once Stripe has weighed all meter events."""

    def go_down(self) -> None:
        """Have every call fail from now on."""

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Have a customer's payments declined, or have the bank ask the customer, from now on."""


class AtFake:
    """The fake."""

    def __init__(self) -> None:
        self._fake = FakeStripe(now=START)
        self.stripe: Stripe = self._fake
        self.pay = self._fake.pay
        self.delete_customer = self._fake.delete_customer

    def foreign_customer(self) -> str:
        """Note a customer of nobody's."""
        self._fake.customers["cus_foreign"] = None
        return "cus_foreign"

    def account(self) -> str:
        """Return its id."""
        return self._fake.account_id

    def owe(self, customer_id: str) -> None:
        """Leave an invoice open."""
        (held,) = (each for each in self._fake.held if each.customer_id == customer_id)
        self._fake.open_invoices[held.id] = "https://pay.test/in_1"

    def move(self, now: datetime) -> None:
        """Set the time."""
        self._fake.now = now

    def stop_deliveries(self) -> None:
        """Deliver nothing."""
        self._fake.delivers = False

    def thin_events(self) -> list[str]:
        """Return those that tell of rejections."""
        return [*self._fake.rejected]

    def go_down(self) -> None:
        """Go down."""
        self._fake.is_down = True

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Change what becomes of payments."""
        del customer_id
        self._fake.wallet.declines, self._fake.wallet.asks = declines, asks


class AtStandin:
    """The gateway of the deployment called `live`, and the stand-in for Stripe."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self.stripe: Stripe = StripeGateway(sandbox.stripe, load(), "live")

    def pay(self, session_id: str) -> None:
        """Pay on the page."""
        path = f"/_sandbox/checkout/sessions/{session_id}/complete"
        assert self._sandbox.http.post(path, json={"card": "4242424242424242"}).is_success

    def delete_customer(self, customer_id: str) -> None:
        """Delete a customer as in Stripe's dashboard."""
        self._sandbox.stripe.v1.customers.delete(customer_id)

    def foreign_customer(self) -> str:
        """Create a customer as another deployment does."""
        return StripeGateway(self._sandbox.stripe, load(), "other").create_customer("ada")

    def account(self) -> str:
        """Ask for it."""
        return self._sandbox.stripe.v1.accounts.retrieve_current().id

    def owe(self, customer_id: str) -> None:
        """Change to a card that declines, and let the month end."""
        v1 = self._sandbox.stripe.v1
        (bought,) = v1.subscriptions.list({"customer": customer_id}).data
        method = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer_id})
        v1.subscriptions.update(bought.id, {"default_payment_method": method.id})
        self.move(from_epoch(bought["items"].data[0].current_period_end) + timedelta(hours=1))

    def move(self, now: datetime) -> None:
        """Move the stand-in's clock."""
        self._sandbox.move(now)

    def stop_deliveries(self) -> None:
        """Register an endpoint that nothing arrives at."""
        self._sandbox.stripe.v1.webhook_endpoints.create({"url": f"{PAGE}/", "enabled_events": ["*"]})
        self._sandbox.put("deliveries", {"drop": 1})

    def thin_events(self) -> list[str]:
        """List them, five minutes later."""
        self._sandbox.move(START + timedelta(minutes=5))
        return [event.id for event in self._sandbox.stripe.v2.core.events.list().data]

    def pay_with(self, customer_id: str, *, declines: bool = False, asks: bool = False) -> None:
        """Change the card."""
        card = "pm_card_chargeCustomerFail" if declines else "pm_card_visa"
        card = "pm_card_authenticationRequired" if asks else card
        v1 = self._sandbox.stripe.v1
        method = v1.payment_methods.attach(card, {"customer": customer_id})
        (bought,) = v1.subscriptions.list({"customer": customer_id}).data
        v1.subscriptions.update(bought.id, {"default_payment_method": method.id})

    def go_down(self) -> None:
        """Answer 500 for a while."""
        self._sandbox.put("faults", {"faults": [{"path": "*", "answer": "500", "count": 99}]})


@pytest.fixture(params=["fake", "standin"])
def world(request: pytest.FixtureRequest) -> World:
    """Each of the two."""
    return AtFake() if request.param == "fake" else AtStandin(request.getfixturevalue("sandbox"))


@pytest.fixture
def stripe(world: World) -> Stripe:
    """Stripe as the port has it."""
    return world.stripe


def order(customer_id: str, trial_days: int = 14) -> CheckoutOrder:
    """An order of Ada's for professional."""
    return CheckoutOrder("ada", customer_id, "professional", trial_days, PAGE, PAGE)


def buy(world: World, trial_days: int = 14) -> str:
    """Have Ada subscribe; return her customer."""
    customer_id = world.stripe.create_customer("ada")
    world.pay(world.stripe.create_checkout_session(order(customer_id, trial_days)).id)
    return customer_id


def only(stripe: Stripe, customer_id: str) -> Subscription:
    """Return a customer's one subscription."""
    (found,) = stripe.subscriptions_of(customer_id)
    return found


class TestAccounts:
    """The account."""

    def event(self, account_id: str | None = None, *, livemode: bool | None = None) -> StripeEvent:
        """An event that says whose it is."""
        return StripeEvent("evt_1", "invoice.paid", START, account_id=account_id, livemode=livemode)

    def test_what_names_it_or_none_is_its(self, world: World, stripe: Stripe) -> None:
        """Stripe names it to an organisation, and nobody where it need not."""
        events = [self.event(), self.event(world.account()), self.event(livemode=False)]
        assert [True] * 3 == [stripe.is_of_this_account(each) for each in events]

    def test_what_names_another_or_the_other_mode_is_not(self, stripe: Stripe) -> None:
        """A connected account's, or one of live mode to a test key."""
        events = [self.event("acct_other"), self.event(livemode=True)]
        assert [False] * 2 == [stripe.is_of_this_account(each) for each in events]


class TestCustomers:
    """Customers."""

    def test_a_user_has_one(self, stripe: Stripe) -> None:
        """Asked again, Stripe answers with the same; another user's is another."""
        first, again, bobs = (stripe.create_customer(user) for user in ("ada", "ada", "bob"))
        assert (True, False) == (first == again, first == bobs)

    def test_a_day_later_another_is_made(self, world: World, stripe: Stripe) -> None:
        """So long Stripe remembers an idempotency key: the ledger must remember the customer."""
        first = stripe.create_customer("ada")
        world.move(START + DAY)
        assert first != stripe.create_customer("ada")

    def test_one_tells_its_user(self, stripe: Stripe) -> None:
        """Whatever the user is called."""
        users = ["ada", "auth0|#1", "ä", "a" * 256]
        assert users == [stripe.user_of(stripe.create_customer(user)) for user in users]

    def test_a_new_one_is_there(self, stripe: Stripe) -> None:
        """It can be bought for."""
        assert stripe.has_customer(stripe.create_customer("ada"))

    def test_a_deleted_one_is_not(self, world: World, stripe: Stripe) -> None:
        """Stripe still knows the id, and says that it is deleted."""
        customer_id = stripe.create_customer("ada")
        world.delete_customer(customer_id)
        assert not stripe.has_customer(customer_id)

    def test_a_deleted_one_is_replaced_once(self, world: World, stripe: Stripe) -> None:
        """However often that is asked."""
        first = stripe.create_customer("ada")
        world.delete_customer(first)
        second, again = (stripe.create_customer("ada", replacing=first) for _ in range(2))
        assert (True, False, True) == (second == again, first == second, stripe.has_customer(second))

    def test_a_deleted_one_who_bought_nothing_is_nobodys(self, world: World, stripe: Stripe) -> None:
        """Stripe tells the id of it alone."""
        customer_id = stripe.create_customer("ada")
        world.delete_customer(customer_id)
        assert stripe.user_of(customer_id) is None

    def test_a_deleted_one_who_subscribed_still_tells_the_user(self, world: World, stripe: Stripe) -> None:
        """The subscription has ended, and names them."""
        customer_id = buy(world)
        world.delete_customer(customer_id)
        found = only(stripe, customer_id)
        assert ("ada", Status.CANCELED, None) == (
            stripe.user_of(customer_id),
            found.status,
            found.canceled_for,
        )

    def test_one_of_another_deployment_is_nobodys(self, world: World, stripe: Stripe) -> None:
        """Though it is there."""
        customer_id = world.foreign_customer()
        assert (None, True) == (stripe.user_of(customer_id), stripe.has_customer(customer_id))

    def test_an_unknown_one_is_refused(self, stripe: Stripe) -> None:
        """Stripe knows no such id."""
        with pytest.raises(StripeRefusedError):
            stripe.has_customer("cus_unknown")

    def test_an_unknown_one_is_nobodys(self, stripe: Stripe) -> None:
        """It is another account's, or another mode's: no reason to fail."""
        assert stripe.user_of("cus_unknown") is None


class TestSubscriptions:
    """Subscriptions."""

    def test_who_bought_nothing_has_none(self, stripe: Stripe) -> None:
        """A session alone is no subscription."""
        customer_id = stripe.create_customer("ada")
        stripe.create_checkout_session(order(customer_id))
        assert ([], []) == (stripe.subscriptions_of(customer_id), list(stripe.subscriptions()))

    def test_one_with_a_trial_is_told_in_full(self, world: World, stripe: Stripe) -> None:
        """Its first period is the trial."""
        customer_id = buy(world)
        found = only(stripe, customer_id)
        assert found == Subscription(
            id=found.id,
            customer_id=customer_id,
            plan="professional",
            status=Status.TRIALING,
            created=START,
            period_start=START,
            period_end=START + TRIAL,
            trial_end=START + TRIAL,
            payment_method=VISA,
        )

    def test_one_without_a_trial_lasts_a_month(self, world: World, stripe: Stripe) -> None:
        """Bought on the 31st of January, its first period ends on the last day of February."""
        found = only(stripe, buy(world, trial_days=0))
        assert (Status.ACTIVE, None, datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)) == (
            found.status,
            found.trial_end,
            found.period_end,
        )

    def test_a_customers_are_listed_newest_first(self, world: World, stripe: Stripe) -> None:
        """Ended ones among them."""
        customer_id = buy(world)
        first = only(stripe, customer_id).id
        stripe.cancel_subscription(first, Cause.DUPLICATE)
        world.move(START + DAY)
        world.pay(stripe.create_checkout_session(order(customer_id)).id)
        newest, oldest = stripe.subscriptions_of(customer_id)
        assert (START + DAY, first) == (newest.created, oldest.id)

    def test_all_customers_are_listed_with_their_users(self, world: World, stripe: Stripe) -> None:
        """Those that are not cancelled."""
        customer_id = buy(world)
        found = only(stripe, customer_id)
        before = list(stripe.subscriptions())
        stripe.cancel_subscription(found.id, Cause.DUPLICATE)
        assert ([("ada", customer_id, START, found)], []) == (before, list(stripe.subscriptions()))

    def test_they_are_listed_from_where_one_stopped(self, world: World, stripe: Stripe) -> None:
        """The newest first; the time asked for is inclusive."""
        first = buy(world)
        world.move(START + DAY)
        second = stripe.create_customer("bob")
        world.pay(stripe.create_checkout_session(replace(order(second), user_id="bob")).id)
        everyone = [each.customer_id for each in stripe.subscriptions()]
        rest = [each.customer_id for each in stripe.subscriptions(until=START)]
        assert ([second, first], [first]) == (everyone, rest)

    def test_one_that_is_owed_for_has_a_page_to_pay_on(self, world: World, stripe: Stripe) -> None:
        """It is the open invoice's; of what is paid there is none."""
        customer_id = buy(world, trial_days=0)
        subscription_id = only(stripe, customer_id).id
        before = stripe.payment_page(subscription_id)
        world.owe(customer_id)
        page = stripe.payment_page(subscription_id)
        assert (None, True) == (before, bool(page and page.startswith("http")))

    @pytest.mark.parametrize("cause", Cause)
    def test_a_cancelled_one_ends_now_and_tells_the_cause(
        self, world: World, stripe: Stripe, cause: Cause
    ) -> None:
        """Nothing else of it changes."""
        customer_id = buy(world)
        found = only(stripe, customer_id)
        world.move(START + DAY)
        stripe.cancel_subscription(found.id, cause)
        ended = replace(found, status=Status.CANCELED, ended_at=START + DAY, canceled_for=cause)
        assert ended == only(stripe, customer_id)

    def test_a_cancelled_one_is_not_cancelled_again(self, world: World, stripe: Stripe) -> None:
        """It keeps the time and the cause that it has."""
        customer_id = buy(world)
        stripe.cancel_subscription(only(stripe, customer_id).id, Cause.FIRST_CHARGE_FAILED)
        ended = only(stripe, customer_id)
        world.move(START + DAY)
        stripe.cancel_subscription(ended.id, Cause.DUPLICATE)
        assert ended == only(stripe, customer_id)


class TestSubscriptionChanges:
    """Changes of subscriptions that go on."""

    HALF = timedelta(days=14)

    def bought(self, world: World, trial_days: int = 0) -> Subscription:
        """Have Ada subscribe to professional, and half of her month pass."""
        found = only(world.stripe, buy(world, trial_days))
        if not trial_days:
            world.move(START + self.HALF)
        return found

    def test_an_upgrade_that_is_paid_holds_now(self, world: World, stripe: Stripe) -> None:
        """Nothing else of the subscription changes."""
        found = self.bought(world)
        stripe.change_plan(found.id, "enterprise", "key")
        assert replace(found, plan="enterprise") == only(stripe, found.customer_id)
        assert stripe.pending_payment(found.id) is None

    @pytest.mark.parametrize("asks", [False, True])
    def test_an_upgrade_that_is_not_paid_is_pending(
        self, world: World, stripe: Stripe, *, asks: bool
    ) -> None:
        """It has a page to pay on, and says whether the bank wants the customer."""
        found = self.bought(world)
        world.pay_with(found.customer_id, declines=not asks, asks=asks)
        stripe.change_plan(found.id, "enterprise", "key")
        pending = stripe.pending_payment(found.id)
        assert pending
        assert pending.needs_authentication == asks
        assert (True, "professional", Status.ACTIVE) == (
            bool(pending.page and pending.page.startswith("http")),
            only(stripe, found.customer_id).plan,
            only(stripe, found.customer_id).status,
        )

    def test_under_its_key_an_upgrade_is_tried_once(self, world: World, stripe: Stripe) -> None:
        """A good card changes nothing of what was answered; another key is another try."""
        found = self.bought(world)
        world.pay_with(found.customer_id, declines=True)
        stripe.change_plan(found.id, "enterprise", "key")
        world.pay_with(found.customer_id)
        stripe.change_plan(found.id, "enterprise", "key")
        before = only(stripe, found.customer_id).plan
        stripe.change_plan(found.id, "enterprise", "another")
        assert ("professional", "enterprise") == (before, only(stripe, found.customer_id).plan)

    def test_in_the_trial_an_upgrade_costs_nothing(self, world: World, stripe: Stripe) -> None:
        """No card is asked."""
        found = self.bought(world, 14)
        world.pay_with(found.customer_id, declines=True)
        preview = stripe.preview_change(found.id, "enterprise", now=True)
        stripe.change_plan(found.id, "enterprise", "key")
        assert (0, 29_900, "enterprise") == (
            preview.due_now,
            preview.next_total,
            only(stripe, found.customer_id).plan,
        )

    def test_a_preview_says_what_is_due_and_what_comes(self, world: World, stripe: Stripe) -> None:
        """Half of the month is left: half of the difference is due now, later nothing but the next bill."""
        found = self.bought(world)
        up = stripe.preview_change(found.id, "enterprise", now=True)
        down = stripe.preview_change(found.id, "starter", now=False)
        assert ((10_000, 29_900), (0, 2_900)) == (
            (up.due_now, up.next_total),
            (down.due_now, down.next_total),
        )
        assert found == only(stripe, found.customer_id)

    def test_what_ends_has_no_next_bill(self, world: World, stripe: Stripe) -> None:
        """The preview says 0."""
        found = self.bought(world)
        stripe.cancel_at_period_end(found.id, "key")
        assert 0 == stripe.preview_change(found.id, "enterprise", now=True).next_total

    def test_a_scheduled_plan_is_pending_replaced_and_revoked(self, world: World, stripe: Stripe) -> None:
        """The last one counts; released, nothing is left of it."""
        found = self.bought(world)
        told = []
        for plan in ("starter", "enterprise"):
            stripe.schedule_plan(found.id, plan, f"key-{plan}")
            told.append(only(stripe, found.customer_id))
        stripe.release_schedule(found.id, "key")
        stripe.release_schedule(found.id, "key")
        assert [replace(found, pending_plan=each) for each in ("starter", "enterprise")] == told
        assert found == only(stripe, found.customer_id)

    def test_in_the_trial_a_plan_can_be_scheduled(self, world: World, stripe: Stripe) -> None:
        """It stays a trial."""
        found = self.bought(world, 14)
        stripe.schedule_plan(found.id, "starter", "key")
        assert replace(found, pending_plan="starter") == only(stripe, found.customer_id)

    def test_an_ending_is_said_and_taken_back(self, world: World, stripe: Stripe) -> None:
        """However often."""
        found = self.bought(world)
        for _ in range(2):
            stripe.cancel_at_period_end(found.id, "key")
        ending = only(stripe, found.customer_id)
        for _ in range(2):
            stripe.resume_subscription(found.id, "key")
        assert (replace(found, cancel_at=found.period_end), found) == (
            ending,
            only(stripe, found.customer_id),
        )

    def test_under_a_schedule_no_ending_is_said(self, world: World, stripe: Stripe) -> None:
        """It must be released first."""
        found = self.bought(world)
        stripe.schedule_plan(found.id, "starter", "key")
        with pytest.raises(StripeRefusedError):
            stripe.cancel_at_period_end(found.id, "key")
        stripe.release_schedule(found.id, "key")
        stripe.cancel_at_period_end(found.id, "another")
        assert found.period_end == only(stripe, found.customer_id).cancel_at

    def test_what_has_ended_is_changed_no_more(self, world: World, stripe: Stripe) -> None:
        """Stripe refuses it."""
        found = self.bought(world)
        stripe.cancel_subscription(found.id, Cause.DUPLICATE)
        stripe.release_schedule(found.id, "key")
        for change in (stripe.change_plan, stripe.schedule_plan):
            with pytest.raises(StripeRefusedError):
                change(found.id, "enterprise", "key")
        with pytest.raises(StripeRefusedError):
            stripe.cancel_at_period_end(found.id, "key")


class TestCheckoutSessions:
    """Checkout sessions."""

    def test_one_has_a_page(self, stripe: Stripe) -> None:
        """The user is sent there."""
        session = stripe.create_checkout_session(order(stripe.create_customer("ada")))
        assert session.url.startswith("http")

    def test_a_customers_open_ones_are_listed_newest_first(self, world: World, stripe: Stripe) -> None:
        """Neither another customer's, nor what was paid on, nor what is expired."""
        ada, bob = (stripe.create_customer(user) for user in ("ada", "bob"))
        sessions = [stripe.create_checkout_session(order(each)).id for each in (ada, ada, ada, ada, bob)]
        world.pay(sessions[0])
        stripe.expire_checkout_session(sessions[1])
        assert [sessions[3], sessions[2]] == stripe.open_checkout_sessions(ada)

    def test_one_that_is_closed_may_be_expired_again(self, world: World, stripe: Stripe) -> None:
        """Paid on or expired, nobody can pay on it any more."""
        customer_id = stripe.create_customer("ada")
        paid, expired = (stripe.create_checkout_session(order(customer_id)).id for _ in range(2))
        world.pay(paid)
        for session_id in (paid, expired, expired):
            stripe.expire_checkout_session(session_id)
        assert [] == stripe.open_checkout_sessions(customer_id)
        assert Status.TRIALING is only(stripe, customer_id).status

    def test_an_unknown_one_is_refused(self, stripe: Stripe) -> None:
        """Stripe knows no such id."""
        with pytest.raises(StripeRefusedError):
            stripe.expire_checkout_session("cs_unknown")

    def test_an_unknown_or_deleted_customer_gets_none(self, world: World, stripe: Stripe) -> None:
        """Nobody could pay on it."""
        deleted = stripe.create_customer("ada")
        world.delete_customer(deleted)
        for customer_id in ("cus_unknown", deleted):
            with pytest.raises(StripeRefusedError):
                stripe.create_checkout_session(order(customer_id))


class TestPortalSessions:
    """Portal sessions."""

    @pytest.mark.parametrize("flow", [None, PortalFlow.PAYMENT_METHOD_UPDATE])
    def test_one_has_a_page(self, stripe: Stripe, flow: PortalFlow | None) -> None:
        """The customer is sent there, to everything or to what they pay with."""
        customer_id = stripe.create_customer("ada")
        pages = {stripe.create_portal_session(customer_id, PAGE, flow) for _ in range(2)}
        assert [True] * 2 == [page.startswith("http") for page in pages]

    def test_an_unknown_or_deleted_customer_gets_none(self, world: World, stripe: Stripe) -> None:
        """There is nothing of theirs to see."""
        deleted = stripe.create_customer("ada")
        world.delete_customer(deleted)
        for customer_id in ("cus_unknown", deleted):
            with pytest.raises(StripeRefusedError):
                stripe.create_portal_session(customer_id, PAGE, None)


class TestInvoiceHistory:
    """Invoices as their customers see them."""

    def test_who_bought_nothing_has_none(self, stripe: Stripe) -> None:
        """And none follows."""
        page = stripe.invoices_of(stripe.create_customer("ada"), 10, None)
        assert page
        assert ([], False) == (page.invoices, page.has_more)

    def test_one_is_told_in_full(self, world: World, stripe: Stripe) -> None:
        """What was bought, what it came to, and where it can be seen."""
        page = stripe.invoices_of(buy(world, trial_days=0), 10, None)
        assert page
        (found,) = page.invoices
        end = datetime(2026, 2, 28, 12, 0, 7, tzinfo=UTC)
        assert [ShownLine("", 1, 9_900, LineKind.BASE, None, START, end)] == without_words(found.lines)
        assert ("paid", START, "usd", 9_900, 0, 0, 9_900, 9_900, 9_900) == (
            found.status,
            found.created,
            found.currency,
            found.subtotal,
            found.discount,
            found.tax,
            found.total,
            found.amount_due,
            found.amount_paid,
        )
        pages = (str(found.hosted_invoice_url), str(found.invoice_pdf))
        assert [True, True, True] == [bool(found.number), *(each.startswith("http") for each in pages)]

    def test_a_customers_come_in_pages_newest_first(self, world: World, stripe: Stripe) -> None:
        """Each goes on after the last one of the page before."""
        customer_id = buy(world, trial_days=0)
        stripe.cancel_subscription(only(stripe, customer_id).id, Cause.DUPLICATE)
        world.move(START + DAY)
        world.pay(stripe.create_checkout_session(order(customer_id, trial_days=0)).id)
        whole = stripe.invoices_of(customer_id, 10, None)
        first = stripe.invoices_of(customer_id, 1, None)
        assert whole
        assert first
        rest = stripe.invoices_of(customer_id, 10, first.invoices[-1].id)
        assert rest
        assert (True, False, START + DAY) == (first.has_more, rest.has_more, first.invoices[0].created)
        assert [*whole.invoices] == [*first.invoices, *rest.invoices]

    def test_one_of_anothers_is_like_none(self, world: World, stripe: Stripe) -> None:
        """Whoever begins after it does not learn whether it is there."""
        page = stripe.invoices_of(buy(world, trial_days=0), 10, None)
        assert page
        bob = stripe.create_customer("bob")
        assert [None, None] == [
            stripe.invoices_of(bob, 10, after) for after in (page.invoices[0].id, "in_unknown")
        ]

    def test_whose_one_is_can_be_asked(self, world: World, stripe: Stripe) -> None:
        """Of one of another's, and of one that is not there, the answer is the same."""
        customer_id = buy(world, trial_days=0)
        page = stripe.invoices_of(customer_id, 10, None)
        assert page
        (own,) = page.invoices
        bob = stripe.create_customer("bob")
        asked = [(own.id, customer_id), (own.id, bob), ("in_unknown", customer_id)]
        assert [True, False, False] == [stripe.is_invoice_of(*each) for each in asked]

    def charge(self, metric: str = "apiCalls", price: Decimal = Decimal(1)) -> ChargeLine:
        """5,000 of a metric over the limit."""
        return ChargeLine("c", "ada", metric, 5_000, price, START, START + DAY, "Over the limit")

    def test_one_to_come_is_the_plan_and_the_charges(self, world: World, stripe: Stripe) -> None:
        """At the price that the catalogue has, or at another that the period began with."""
        subscription = only(stripe, buy(world, trial_days=0))
        charges = [self.charge(), self.charge("exports", Decimal("0.5"))]
        found = stripe.upcoming_invoice(subscription.id, charges)
        assert found
        assert [
            (9_900, LineKind.BASE, None, subscription.period_end),
            (5_000, LineKind.OVERAGE, "apiCalls", START),
            (2_500, LineKind.OVERAGE, "exports", START),
        ] == [(each.amount, each.kind, each.event_type, each.period_start) for each in found.lines]
        assert (17_400, 0, 0, 17_400, 17_400) == (
            found.subtotal,
            found.discount,
            found.tax,
            found.total,
            found.amount_due,
        )

    def test_looking_ahead_changes_nothing(self, world: World, stripe: Stripe) -> None:
        """No invoice is made, and what was looked at is not charged."""
        customer_id = buy(world, trial_days=0)
        before = stripe.invoices_of(customer_id, 10, None)
        subscription_id = only(stripe, customer_id).id
        seen = [stripe.upcoming_invoice(subscription_id, [self.charge()]) for _ in range(2)]
        assert (before, seen[0]) == (stripe.invoices_of(customer_id, 10, None), seen[1])

    def test_none_is_to_come_of_what_has_ended_or_is_unknown(self, world: World, stripe: Stripe) -> None:
        """Nothing renews."""
        ended = only(stripe, buy(world)).id
        stripe.cancel_subscription(ended, Cause.DUPLICATE)
        assert [None, None] == [stripe.upcoming_invoice(each, []) for each in (ended, "sub_unknown")]


class TestEvents:
    """Events."""

    TYPES = (EventType.CUSTOMER_CREATED, EventType.CHECKOUT_SESSION_COMPLETED)

    def test_those_not_delivered_are_listed_newest_first(self, world: World, stripe: Stripe) -> None:
        """Of the types asked for, each saying whose it is."""
        world.stop_deliveries()
        customer_id = stripe.create_customer("ada")
        world.move(START + DAY)
        world.pay(stripe.create_checkout_session(order(customer_id)).id)
        events = stripe.undelivered_events(START, self.TYPES)
        assert [
            (EventType.CHECKOUT_SESSION_COMPLETED, START + DAY, customer_id, "ada", "live"),
            (EventType.CUSTOMER_CREATED, START, customer_id, "ada", "live"),
        ] == [(event.type, event.at, event.customer_id, event.user_id, event.deployment) for event in events]

    def test_more_types_than_stripe_takes_at_once_are_one_list(self, world: World, stripe: Stripe) -> None:
        """By the time they are of, and not by type."""
        world.stop_deliveries()
        customer_id = stripe.create_customer("ada")
        world.move(START + DAY)
        world.pay(stripe.create_checkout_session(order(customer_id)).id)
        types = of_style(Style.SNAPSHOT)
        events = list(stripe.undelivered_events(START, [*types[::-1]]))
        assert sorted((event.at for event in events), reverse=True) == [event.at for event in events]
        assert {*self.TYPES} <= {event.type for event in events}
        (oldest,) = stripe.undelivered_events(START, types, until=START)
        assert EventType.CUSTOMER_CREATED == oldest.type

    def test_those_delivered_are_not_listed(self, world: World, stripe: Stripe) -> None:
        """Nobody missed them."""
        buy(world)
        assert [] == list(stripe.undelivered_events(START, self.TYPES))

    def test_those_before_are_not_listed(self, world: World, stripe: Stripe) -> None:
        """The time asked for is inclusive."""
        world.stop_deliveries()
        buy(world)
        assert [] == list(stripe.undelivered_events(START + timedelta(seconds=1), self.TYPES))

    def test_ends_of_subscriptions_are_listed_though_delivered(self, world: World, stripe: Stripe) -> None:
        """Each says which subscription, and whose."""
        customer_id = buy(world)
        subscription_id = only(stripe, customer_id).id
        stripe.cancel_subscription(subscription_id, Cause.DUPLICATE)
        (event,) = stripe.endings(START)
        assert (subscription_id, customer_id, "ada", "live") == (
            event.object_id,
            event.customer_id,
            event.user_id,
            event.deployment,
        )
        assert [] == list(stripe.endings(START + timedelta(seconds=1)))

    def test_an_unknown_one_tells_nothing(self, stripe: Stripe) -> None:
        """Stripe knows no such id."""
        with pytest.raises(StripeRefusedError):
            stripe.rejections("evt_unknown")


class TestMeterEvents:
    """Meter events."""

    def event(self, customer_id: str, identifier: str = "one") -> MeterEvent:
        """Seven API calls."""
        return MeterEvent(identifier, load().metrics["apiCalls"].usage_meter_name, customer_id, 7, START)

    def test_one_may_be_sent_again(self, world: World, stripe: Stripe) -> None:
        """Stripe knows it by its identifier."""
        customer_id = stripe.create_customer("ada")
        for _ in range(2):
            stripe.send_meter_event(self.event(customer_id))
        assert [] == world.thin_events()

    def test_one_of_an_unknown_customer_is_rejected_later(self, world: World, stripe: Stripe) -> None:
        """A thin event tells which, by our identifier, and why."""
        stripe.send_meter_event(self.event("cus_unknown"))
        (rejection,) = (each for event in world.thin_events() for each in stripe.rejections(event))
        assert MeterRejection("meter_event_customer_not_found", 1, rejection.samples) == rejection
        assert rejection.samples[0].startswith("one: ")

    def test_a_meter_counts_if_stripe_has_it(self, stripe: Stripe) -> None:
        """Others are none of ours, or not made yet."""
        known = load().metrics["apiCalls"].usage_meter_name
        assert {known} == stripe.showing_meters([known, "tollkeeper_unknown_usage"])


def test_prices_are_told_by_their_lookup_keys(stripe: Stripe) -> None:
    """In cents; what there is no price of is left out."""
    keys = ["tollkeeper_starter_monthly", "tollkeeper_apiCalls_overage", "tollkeeper_none"]
    expected = {keys[0]: Decimal(2_900), keys[1]: Decimal(1)}
    assert expected == stripe.prices(keys)


CHARGE = ChargeLine("c", "ada", "apiCalls", 1, Decimal(1), START, START + DAY, "One over the limit")

CALLS: dict[str, Callable[[Stripe], object]] = {
    "is_of_this_account": lambda stripe: stripe.is_of_this_account(
        StripeEvent("evt_1", "invoice.paid", START, account_id="acct_2")
    ),
    "payment_page": lambda stripe: stripe.payment_page("sub_ada"),
    "create_customer": lambda stripe: stripe.create_customer("ada"),
    "has_customer": lambda stripe: stripe.has_customer("cus_ada"),
    "user_of": lambda stripe: stripe.user_of("cus_ada"),
    "subscriptions_of": lambda stripe: stripe.subscriptions_of("cus_ada"),
    "subscriptions": lambda stripe: list(stripe.subscriptions()),
    "cancel_subscription": lambda stripe: stripe.cancel_subscription("sub_ada", Cause.DUPLICATE),
    "preview_change": lambda stripe: stripe.preview_change("sub_ada", "starter", now=True),
    "change_plan": lambda stripe: stripe.change_plan("sub_ada", "starter", "key"),
    "pending_payment": lambda stripe: stripe.pending_payment("sub_ada"),
    "schedule_plan": lambda stripe: stripe.schedule_plan("sub_ada", "starter", "key"),
    "release_schedule": lambda stripe: stripe.release_schedule("sub_ada", "key"),
    "cancel_at_period_end": lambda stripe: stripe.cancel_at_period_end("sub_ada", "key"),
    "resume_subscription": lambda stripe: stripe.resume_subscription("sub_ada", "key"),
    "create_checkout_session": lambda stripe: stripe.create_checkout_session(order("cus_ada")),
    "open_checkout_sessions": lambda stripe: stripe.open_checkout_sessions("cus_ada"),
    "expire_checkout_session": lambda stripe: stripe.expire_checkout_session("cs_1"),
    "create_portal_session": lambda stripe: stripe.create_portal_session("cus_ada", PAGE, None),
    "invoices_of": lambda stripe: stripe.invoices_of("cus_ada", 1, None),
    "is_invoice_of": lambda stripe: stripe.is_invoice_of("in_1", "cus_ada"),
    "upcoming_invoice": lambda stripe: stripe.upcoming_invoice("sub_ada", []),
    "undelivered_events": lambda stripe: list(stripe.undelivered_events(START, [*EventType])),
    "endings": lambda stripe: list(stripe.endings(START)),
    "rejections": lambda stripe: stripe.rejections("evt_1"),
    "renewal": lambda stripe: stripe.renewal("sub_ada", START),
    "invoice": lambda stripe: stripe.invoice("in_1"),
    "invoices_since": lambda stripe: stripe.invoices_since("cus_ada", START),
    "prices": lambda stripe: stripe.prices(["tollkeeper_starter_monthly"]),
    "own_invoices": lambda stripe: stripe.own_invoices("cus_ada", "bill", START),
    "create_invoice": lambda stripe: stripe.create_invoice(
        OwnInvoice("bill", "ada", "cus_ada", "sub_ada", "Usage"), "key"
    ),
    "finalize_at": lambda stripe: stripe.finalize_at("in_1", START + DAY),
    "add_lines": lambda stripe: stripe.add_lines("in_1", [CHARGE], "key"),
    "remove_lines": lambda stripe: stripe.remove_lines("in_1", ["il_1"]),
    "finalize_invoice": lambda stripe: stripe.finalize_invoice("in_1"),
    "showing_meters": lambda stripe: stripe.showing_meters(["calls"]),
    "send_meter_event": lambda stripe: stripe.send_meter_event(MeterEvent("one", "calls", "cus", 1, START)),
}


@pytest.mark.parametrize("call", CALLS)
def test_while_stripe_is_down_every_call_says_so(world: World, stripe: Stripe, call: str) -> None:
    """The same call may succeed in a moment."""
    world.go_down()
    with pytest.raises(StripeUnavailableError):
        CALLS[call](stripe)


def test_every_call_of_the_port_is_tried() -> None:
    """Whoever adds one sees this fail."""
    assert {name for name in dir(Stripe) if not name.startswith("_")} == CALLS.keys()
