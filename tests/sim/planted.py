"""Faults put into the product on purpose, to see that the simulation finds them: `make sim PLANT=…`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

from tests.fakes.table import MemoryTable
from tests.sim.features import Features
from tests.sim.simulation import Lived, live
from tollkeeper.ledger.rows import USED
from tollkeeper.ledger.table import Change, Put, Refused, Write
from tollkeeper.periods.charging import Charging
from tollkeeper.rules import charges
from tollkeeper.rules.bills import Bill, State
from tollkeeper.rules.overage import overage
from tollkeeper.rules.settling import Settled
from tollkeeper.rules.subscriptions import Status, Subscription, choose, to_cancel
from tollkeeper.stripe.errors import StripeUnavailableError
from tollkeeper.stripe.gateway import StripeGateway
from tollkeeper.subscriptions.stripe_events import StripeEvents

type Fault = Callable[[], Any]

WITHIN = 200
"""Seeds within which each fault must be found."""


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


@contextmanager
def line_made_twice() -> Iterator[None]:
    """Without an answer another invoice is chosen, and the first is not read before.

    That the same lines are asked for again on the same invoice does no harm: it is read, and they come off.
    """
    send, advance = Charging._send, Charging.advance  # noqa: SLF001 - where calls are made

    class Unanswered(Exception):  # noqa: N818 - no error of ours
        """The lines were asked for, and no answer came."""

    def ask(self: Charging, call: Any, bill: Bill, *rest: Any) -> Any:  # noqa: ANN401 - handed on
        try:
            return send(self, call, bill, *rest)
        except StripeUnavailableError as error:
            if call == "add" and not bill.is_own:
                raise Unanswered from error
            raise

    def go_on(self: Charging, bill: Bill, now: datetime) -> Bill:
        try:
            return advance(self, bill, now)
        except Unanswered:
            known = next(each for each in self.bills.of_user(bill.user_id) if _is_same(each, bill))
            passed = (*known.passed, str(known.invoice_id))
            left = replace(known, passed=passed, invoice_id=None).moved(State.OPENING, now, is_own=True)
            return self.bills.write(known, left, now)

    with patch.object(Charging, "_send", ask), patch.object(Charging, "advance", go_on):
        yield


def _is_same(one: Bill, other: Bill) -> bool:
    return (one.subscription_id, one.period_start) == (other.subscription_id, other.period_start)


def cap_ignored() -> Any:  # noqa: ANN401 - a patch
    """What is beyond the cap is billed."""
    return patch.object(charges, "billable", overage)


def closed_before_it_settled() -> Any:  # noqa: ANN401 - a patch
    """Nothing that was accepted before the end is waited for."""
    return patch.object(Settled, "has", lambda *_: True)


def ended_a_second_early() -> Any:  # noqa: ANN401 - a patch
    """A period is closed a second early: its last one is taken for the next one's."""
    asked = StripeGateway.subscriptions_of

    def answer(self: StripeGateway, customer_id: str) -> list[Subscription]:
        second = timedelta(seconds=1)
        return [replace(each, period_end=each.period_end - second) for each in asked(self, customer_id)]

    return patch.object(StripeGateway, "subscriptions_of", answer)


def digest_changed() -> Any:  # noqa: ANN401 - a patch
    """What a closed period used is changed afterwards by whatever writes to its user next."""
    transact = MemoryTable.transact

    def change(self: MemoryTable, writes: Sequence[Write]) -> None:
        transact(self, writes)
        for write in writes:
            if isinstance(write, Change) and "closedAt" in write.set:
                metric = next((each for each in self.rows[write.key] if each.startswith(USED)), None)
                if metric:
                    self.rows[write.key][metric] = int(self.rows[write.key][metric]) + 1

    return patch.object(MemoryTable, "transact", change)


@contextmanager
def webhook_believed() -> Iterator[None]:
    """What a webhook told is written, though Stripe may have moved on since."""
    synchronise, asked = StripeEvents._synchronise, StripeGateway.subscriptions_of  # noqa: SLF001 - the hint's way
    told: list[Mapping[str, Any]] = []

    def follow(self: StripeEvents, events: Sequence[Any], *rest: Any) -> Any:  # noqa: ANN401 - handed on
        told[:] = []
        for event in events:
            if event.type.startswith("customer.subscription."):
                client = self.stripe._client  # type: ignore[attr-defined] # noqa: SLF001 - the SDK's
                told.append(client.v1.events.retrieve(event.id).data.object.to_dict(recursive=True))
        try:
            return synchronise(self, events, *rest)
        finally:
            told[:] = []

    def answer(self: StripeGateway, customer_id: str) -> list[Subscription]:
        words = {each["id"]: each for each in told}
        return [_as_told(each, words.get(each.id)) for each in asked(self, customer_id)]

    with (
        patch.object(StripeEvents, "_synchronise", follow),
        patch.object(StripeGateway, "subscriptions_of", answer),
    ):
        yield


def _as_told(now: Subscription, told: Mapping[str, Any] | None) -> Subscription:
    if told is None:
        return now
    return replace(
        now,
        status=Status(told["status"]),
        trial_end=_instant(told["trial_end"]),
        cancel_at=_instant(told["cancel_at"]),
        ended_at=_instant(told["ended_at"]),
    )


def _instant(seconds: int | None) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


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
    "record-counted-twice": (counted_twice, only("repeats")),
    "line-made-twice": (line_made_twice, only("faults")),
    "cap-ignored": (cap_ignored, only("caps")),
    "closed-a-second-early": (ended_a_second_early, only()),
    "closed-before-it-settled": (closed_before_it_settled, only("deadly_messages")),
    "digest-changed": (digest_changed, only()),
    "duplicate-chosen": (duplicate_chosen, only("duplicates")),
    "webhook-believed": (
        webhook_believed,
        only("cancels", "trials", "failing_cards", "repeats", "lost_webhooks"),
    ),
}
"""Faults, each with what must be on in the world for it to do harm."""


def living(fault: str) -> Callable[[int], Lived]:
    """Return what lives a seed with a fault in the product, in a world of one user where that can do harm."""
    plant, features = PLANTED[fault]
    return partial(live, features=features, people=1, plant=plant)


def first_found(fault: str, seeds: Sequence[int]) -> Lived | None:
    """Return the first seed that finds a fault."""
    lives = living(fault)
    return next((lived for lived in map(lives, seeds) if lived.findings), None)
