"""Events that were not delivered, and meter events, as the port has them."""

from datetime import timedelta

import pytest

from tests.integration.stripe_port.worlds import DAY, World, buy, only, order
from tests.standin.harness import START
from tollkeeper.catalogue import load
from tollkeeper.rules.metering import MeterEvent
from tollkeeper.rules.subscriptions import Cause
from tollkeeper.stripe.errors import StripeRefusedError
from tollkeeper.stripe.event_types import EventType, Style, of_style
from tollkeeper.stripe.port import MeterRejection, Stripe


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
