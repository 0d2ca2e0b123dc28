"""Customers in a time of their own."""

from datetime import timedelta

from tests.standin.harness import START, Sandbox, Shop

DAY = timedelta(days=1)


def clocks(sandbox: Sandbox, shop: Shop) -> None:
    """A customer in a time of their own."""
    api = shop.stripe.v1.test_helpers.test_clocks
    clock = api.create({"frozen_time": int(START.timestamp()), "name": "c"})
    shop.subscribe(shop.customer(test_clock=clock.id))
    api.advance(clock.id, {"frozen_time": int((START + 32 * DAY).timestamp())})
    sandbox.move(START + DAY)
    api.retrieve(clock.id)
    api.list()
    shop.stripe.v1.customers.list({"test_clock": clock.id})
    api.delete(clock.id)


STORIES = (clocks,)
