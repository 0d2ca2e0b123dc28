"""Accounts, customers and prices, as the port has them."""

from decimal import Decimal

import pytest

from tests.integration.stripe_port.worlds import DAY, World, buy, only
from tests.standin.harness import START
from tollkeeper.rules.subscriptions import Status
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.events import StripeEvent
from tollkeeper.stripe.port import Stripe


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


def test_prices_are_told_by_their_lookup_keys(stripe: Stripe) -> None:
    """In cents; what there is no price of is left out."""
    keys = ["tollkeeper_starter_monthly", "tollkeeper_apiCalls_overage", "tollkeeper_none"]
    expected = {keys[0]: Decimal(2_900), keys[1]: Decimal(1)}
    assert expected == stripe.prices(keys)
