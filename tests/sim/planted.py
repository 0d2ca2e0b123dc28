"""Faults that are put into the product on purpose, to see that the simulation finds them."""

import logging
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from tests.fakes.table import MemoryTable
from tests.sim.features import Features
from tests.sim.simulation import live
from tollkeeper.ledger.table import Put, Refused, Write
from tollkeeper.rules import charges
from tollkeeper.rules.overage import overage
from tollkeeper.rules.settling import Settled
from tollkeeper.rules.subscriptions import Subscription, choose, to_cancel
from tollkeeper.stripe.errors import StripeFailedError, StripeUnavailableError
from tollkeeper.stripe.gateway import StripeGateway

type Fault = Callable[[], Any]


def only(*names: str) -> Features:
    """Return a world in which nothing else is on."""
    return Features(**{each.name: each.name in names for each in fields(Features)})


def counted_twice() -> Any:  # noqa: ANN401 - a patch
    """A record that was counted is counted again: its own marker does not stop it."""
    judged = MemoryTable._judged  # noqa: SLF001 - the place where DynamoDB judges

    def judge(self: MemoryTable, write: Write) -> Refused:
        if isinstance(write, Put) and write.key.pk.startswith("RECORD#"):
            return Refused(in_order=True)
        return judged(self, write)

    return patch.object(MemoryTable, "_judged", judge)


def line_made_twice() -> Any:  # noqa: ANN401 - a patch
    """Without an answer the same lines are asked for under another key."""
    add_lines = StripeGateway.add_lines

    def add(self: StripeGateway, invoice_id: str, lines: Sequence[Any], key: str) -> None:
        try:
            add_lines(self, invoice_id, lines, key)
        except (StripeUnavailableError, StripeFailedError):
            add_lines(self, invoice_id, lines, f"{key}-again")

    return patch.object(StripeGateway, "add_lines", add)


def cap_ignored() -> Any:  # noqa: ANN401 - a patch
    """What is beyond the cap is billed."""
    return patch.object(charges, "billable", overage)


def closed_before_it_settled() -> Any:  # noqa: ANN401 - a patch
    """Nothing that was accepted before the end is waited for."""
    return patch.object(Settled, "has", lambda *_: True)


def ended_a_second_early() -> Any:  # noqa: ANN401 - a patch
    """A period's last second is taken for the next one's."""
    return _retold(lambda each: replace(each, period_end=each.period_end - timedelta(seconds=1)))


@contextmanager
def _retold(tell: Callable[[Subscription], Subscription]) -> Iterator[None]:
    asked = StripeGateway.subscriptions_of

    def answer(self: StripeGateway, customer_id: str) -> list[Subscription]:
        return [tell(each) for each in asked(self, customer_id)]

    with patch.object(StripeGateway, "subscriptions_of", answer):
        yield


@contextmanager
def webhook_believed() -> Iterator[None]:
    """What a webhook told is believed, though Stripe has moved on: the word before the last is written."""
    asked = StripeGateway.subscriptions_of
    told: dict[str, list[Subscription]] = {}

    def answer(self: StripeGateway, customer_id: str) -> list[Subscription]:
        now = list(asked(self, customer_id))
        before, told[customer_id] = told.get(customer_id, now), now
        return before

    with patch.object(StripeGateway, "subscriptions_of", answer):
        yield


@contextmanager
def duplicate_chosen() -> Iterator[None]:
    """Of two live subscriptions the newer one is kept."""

    def turned(found: Sequence[Subscription]) -> list[Subscription]:
        """Return subscriptions as if each were as old as another is young."""
        times = sorted(each.created for each in found)
        order = sorted(found, key=lambda each: each.created, reverse=True)
        return [replace(each, created=at) for each, at in zip(order, times, strict=True)]

    def choose_newest(found: Sequence[Subscription]) -> Subscription | None:
        chosen = choose(turned(found))
        return next((each for each in found if chosen and each.id == chosen.id), None)

    def cancel_oldest(found: Sequence[Subscription]) -> Mapping[str, Any]:
        return to_cancel(turned(found))

    with (
        patch("tollkeeper.subscriptions.synchronisation.choose", choose_newest),
        patch("tollkeeper.subscriptions.synchronisation.to_cancel", cancel_oldest),
    ):
        yield


PLANTED: dict[str, tuple[Fault, Features]] = {
    "a record counted twice": (counted_twice, only("repeats")),
    "a line made twice": (line_made_twice, only("faults")),
    "a cap ignored": (cap_ignored, only("caps")),
    "a period closed before its usage settled": (closed_before_it_settled, only("deadly_messages")),
    "a period ended a second early": (ended_a_second_early, only()),
    "a webhook believed instead of asked": (webhook_believed, only("cancels", "plan_changes")),
    "a duplicate subscription chosen": (duplicate_chosen, only("duplicates")),
}
"""Faults, each with what must be on in the world for it to do harm."""


def first_found(title: str, seeds: Sequence[int]) -> tuple[int, str] | None:
    """Return the first seed that finds a fault, and what it says."""
    fault, features = PLANTED[title]
    for seed in seeds:
        if findings := live(seed, features, people=1, plant=fault).findings:
            return seed, findings[0]
    return None


if __name__ == "__main__":
    logging.disable(logging.CRITICAL)
    for each in sys.argv[1:] or PLANTED:
        print(f"{each}: {first_found(each, range(1, 201))}", flush=True)  # noqa: T201 - a command line prints
