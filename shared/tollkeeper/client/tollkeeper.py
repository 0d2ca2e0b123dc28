"""What a host holds: one object that counts, asks, and never breaks a request (DESIGN rule 16)."""

import asyncio
import atexit
import signal
import sys
import time
from collections.abc import Callable, Mapping

from tollkeeper.catalogue import Catalogue, Count, Unreachable, load
from tollkeeper.client.api import Api
from tollkeeper.client.consuming import MeteredBlock
from tollkeeper.client.doors import Door, HttpDoor
from tollkeeper.client.facts import Fact, UncountableError, fact, logger
from tollkeeper.client.functions import Arguments, Called, metered
from tollkeeper.client.permission import Permission, PermissionState
from tollkeeper.client.quota import QuotaCalls
from tollkeeper.client.sender import Pending, ReleaseOrder, Sender
from tollkeeper.client.sums import Sums
from tollkeeper.client.tokens import Tokens

EXIT_SECONDS = 5.0
"""How long the end of a process waits for what it still has to send."""


class Tollkeeper:
    """Counts what users do, and asks what they may. Safe to share between threads, tasks and forks.

    Args:
        url: The stack's output `ApiUrl`.
        tokens: Where this service's tokens come from, such as `ClientCredentials`.
        catalogue: What is counted; by default the catalogue that ships with this package.
        door: Where sums go; by default over HTTP, `SqsDoor` for hosts with IAM rights to the queue.
        interval: Seconds between two flushes: the most that is lost when the process is killed.
        patience: The most seconds that anybody waits for an answer about limits.
        most_waiting: The most sums that wait in memory while Tollkeeper is away.
    """

    def __init__(
        self,
        url: str,
        tokens: Tokens,
        *,
        catalogue: Catalogue | None = None,
        door: Door | None = None,
        interval: float = 5.0,
        patience: float = 2.0,
        most_waiting: int = 50_000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.catalogue = catalogue or load()
        self._clock = clock
        api = Api(url, tokens)
        self._quota = QuotaCalls(api, patience)
        self._sums = Sums(most_waiting, clock)
        self._sender = Sender(self._sums, door or HttpDoor(api), self._quota, interval, most_waiting)
        atexit.register(self._close_at_exit)

    def track(
        self,
        user: str,
        metric: str,
        quantity: int = 1,
        *,
        facility: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> None:
        """Count what has happened. It returns at once; what cannot be counted at all is logged.

        Facts are summed by user, metric and facility; one with data is a record of its own.
        """
        try:
            counted = fact(self.catalogue.metrics, user, metric, quantity, facility, data)
        except UncountableError:
            logger.exception("Not counted")
            return
        self._sender.notice(self._sums.add(counted))

    def check(self, user: str, metric: str) -> Mapping[str, object] | None:
        """Return where a user stands, as `GET /quota/{eventType}` answers; None where there is no answer."""
        answer = self._quota.check(user, metric)
        return None if answer is None else answer.json()

    async def check_async(self, user: str, metric: str) -> Mapping[str, object] | None:
        """Return where a user stands, as `check` does."""
        answer = await self._quota.check_async(user, metric)
        return None if answer is None else answer.json()

    def consume(
        self,
        user: str,
        metric: str,
        quantity: int = 1,
        *,
        facility: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Permission:
        """Ask whether a user may do something, and count it if so. Settle what you were given.

        While Tollkeeper does not answer it is allowed, unless the catalogue says `closed`. What can never
        be counted is allowed and logged: it has no user, no known metric, or no quantity.
        """
        permission = self._wish(user, metric, quantity, facility, data)
        if permission.is_settled:
            return permission
        try:
            self._quota.consume(permission)
        except BaseException:
            self.settle(permission, succeeded=False)
            raise
        return permission

    async def consume_async(
        self,
        user: str,
        metric: str,
        quantity: int = 1,
        *,
        facility: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> Permission:
        """Ask without holding up the event loop, as `consume` does."""
        permission = self._wish(user, metric, quantity, facility, data)
        if permission.is_settled:
            return permission
        try:
            await self._quota.consume_async(permission)
        except BaseException:  # the task was cancelled
            self.settle(permission, succeeded=False)
            raise
        return permission

    def settle(self, permission: Permission, *, succeeded: bool) -> None:
        """Say whether what was consumed has happened: if not, it is released. Returns at once.

        What nobody knows to be counted is counted now, under its own id if it may have been already.
        """
        if permission.is_settled:
            return
        permission.is_settled = True
        counted, state = permission.fact, permission.state
        if state is PermissionState.REFUSED:
            return
        if succeeded and permission.allowed:
            if state is not PermissionState.GRANTED:
                asked = None if state is PermissionState.NOT_ASKED else permission.id
                self._sender.notice(self._sums.add(counted, asked))
        elif state is not PermissionState.NOT_ASKED:
            unanswered = permission if state is PermissionState.NOT_ANSWERED else None
            order = ReleaseOrder(counted.user, counted.metric, permission.id, unanswered=unanswered)
            self._sender.release(order)

    def release(self, user: str, metric: str, permission_id: str, quantity: int | None = None) -> None:
        """Give back what was consumed under an id, all or a quantity: in the background, until it is done."""
        self._sender.release(ReleaseOrder(user, metric, permission_id, quantity))

    def consuming(
        self,
        user: str,
        metric: str,
        quantity: int = 1,
        *,
        facility: str | None = None,
        data: Mapping[str, object] | None = None,
    ) -> MeteredBlock:
        """Consume around a block, `with` or `async with`; what the block does not finish is released."""
        return MeteredBlock(self, user, metric, quantity, facility, data)

    def metered(
        self,
        metric: str,
        *,
        user: Callable[[Arguments], str | None] | str = "user",
        facility: Callable[[Arguments], str | None] | None = None,
        data: Callable[[Arguments], Mapping[str, object] | None] | None = None,
    ) -> Callable[[Called], Called]:
        """Return a decorator: each call of the function counts, before or after it as the catalogue says.

        `user` is the name of the argument that says who calls, or is asked with all arguments by name. A call
        that raises is not counted.

        Raises:
            UncountableError: there is no such metric, or no such argument.
            NotAllowedError: by the call, where the user may not.
        """
        return metered(self, metric, user=user, facility=facility, data=data)

    def counts_before(self, metric: str) -> bool:
        """Whether a metric is consumed before, rather than counted after."""
        return self.catalogue.metrics[metric].count is Count.BEFORE

    def pending(self) -> Pending:
        """Return what is not with Tollkeeper yet."""
        return self._sender.pending(self._clock())

    def flush(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what waits, within so many seconds; return whether all of it is with Tollkeeper."""
        return self._sender.flush(timeout)

    async def flush_async(self, timeout: float = EXIT_SECONDS) -> bool:  # noqa: ASYNC109 - the same bound as elsewhere
        """Send what waits without holding up the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, self.flush, timeout)

    def close(self, timeout: float = EXIT_SECONDS) -> bool:
        """Send what waits and stop sending; return whether all of it is with Tollkeeper."""
        atexit.unregister(self._close_at_exit)
        return self._sender.close(timeout)

    def exit_on_sigterm(self) -> None:
        """Have SIGTERM end the process in order, so that what waits is sent; web servers do so by themselves.

        Call it in the main thread. A handler that stands already is left alone.
        """
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    def _close_at_exit(self) -> None:
        if not self.close():
            logger.critical("The process ends before all was sent", extra={"pending": repr(self.pending())})

    def _wish(
        self,
        user: str,
        metric: str,
        quantity: int,
        facility: str | None,
        data: Mapping[str, object] | None,
    ) -> Permission:
        try:
            counted = fact(self.catalogue.metrics, user, metric, quantity, facility, data)
        except UncountableError:
            logger.exception("Not counted")
            return Permission(Fact(str(user), str(metric), quantity), "", is_settled=True)
        is_open = self.catalogue.metrics[metric].unreachable is Unreachable.OPEN
        return Permission(counted, self._sums.next_id(), is_open=is_open)
