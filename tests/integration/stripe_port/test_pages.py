"""Checkout, the portal and what customers see of their invoices, as the port has them."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.fakes.customer_pages import without_words
from tests.integration.stripe_port.worlds import DAY, PAGE, World, buy, only, order
from tests.standin.harness import START
from tollkeeper.rules.subscriptions import Cause, Status
from tollkeeper.stripe.charge_lines import ChargeLine
from tollkeeper.stripe.customer_port import LineKind, PortalFlow, ShownLine
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.port import Stripe


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
