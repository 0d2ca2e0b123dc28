"""How the clock moves: stop by stop, so that whatever falls due on the way happens at its own time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from stripe.test_helpers import TestClock

from infra.stripe_standin.account.state import Account
from infra.stripe_standin.clocks import agenda
from infra.stripe_standin.clocks.sandbox_clock import at

logger = logging.getLogger(__name__)

# A back end's scheduled functions often run on the quarter hour; this long after a period turned or an
# invoice became final they may have work.
QUARTER = timedelta(minutes=15)
WATCH = timedelta(minutes=75)
PATIENCE = 30.0


class Mover:
    """Moves the sandbox clock, and does what is due while it runs by itself.

    Args:
        account: The state.
        on_stop: Awaited after each stop's deliveries.
    """

    def __init__(
        self,
        account: Account,
        on_stop: Callable[[datetime], Awaitable[None]] | None = None,
    ) -> None:
        self._account = account
        self._on_stop = on_stop
        self._moving = asyncio.Lock()
        self._watch_until = account.clock.now()

    async def move(self, target: datetime) -> list[datetime]:
        """Move to `target` in stops and return them, the last being `target`.

        A stop is every instant at which something falls due, every quarter of an hour in the 75 minutes
        after a period turned or an invoice finalised, and `target`. At each, the clock is set, what is due
        is done, deliveries are waited for (at most 30 seconds), and `on_stop` is awaited.

        Raises:
            ValueError: `target` lies in the past.
        """
        async with self._moving:
            clock = self._account.clock
            if target < clock.now():
                clock.set(target)  # refuses, saying why
            clock.freeze()
            stops: list[datetime] = []
            while not stops or stops[-1] < target:
                await self._account.background.idle(PATIENCE)
                stop = self._next_stop(target)
                clock.set(stop)
                self._carry_test_clocks()
                if agenda.do_due(self._account):
                    self._watch_until = stop + WATCH
                await self._account.background.idle(PATIENCE)
                if self._on_stop:
                    await self._on_stop(stop)
                stops.append(stop)
            return stops

    def _next_stop(self, target: datetime) -> datetime:
        now = self._account.clock.now()
        due = agenda.next_due(self._account)
        candidates = [] if due is None else [max(at(due), now)]
        if (quarter := _quarter_after(now)) <= self._watch_until:
            candidates.append(quarter)
        return min([*candidates, target])

    async def run(self) -> None:
        """While nobody moves the clock, do what falls due about when it does."""
        while True:
            if not self._moving.locked():
                self._do_due_aloud()
            await asyncio.sleep(0.5)

    def _do_due_aloud(self) -> None:
        """An error of the stand-in's own is logged; it must not end the loop in silence."""
        try:
            agenda.do_due(self._account)
        except Exception:
            logger.exception("the Stripe stand-in could not do what is due")

    def _carry_test_clocks(self) -> None:
        """The sandbox clock carries test clocks along: the whole stack moves alike."""
        now = self._account.clock.timestamp()
        for clock in self._account.all(TestClock):
            clock.frozen_time = max(clock.frozen_time, now)


def _quarter_after(instant: datetime) -> datetime:
    whole = instant.replace(minute=instant.minute // 15 * 15, second=0, microsecond=0)
    return whole + QUARTER
