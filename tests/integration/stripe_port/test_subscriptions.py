"""Subscriptions and what is changed of them, as the port has them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.stripe_port.worlds import DAY, TRIAL, VISA, World, buy, only, order
from tests.standin.harness import START
from tollkeeper.rules.subscriptions import Cause, Status, Subscription
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.port import Stripe


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
