"""What happens a moment later by itself: aggregation, deliveries, test clocks."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress


class Background:
    """Tasks of the one event loop, kept so that they are not collected and can be waited for."""

    def __init__(self) -> None:
        self._awaited: set[asyncio.Task[None]] = set()
        self._detached: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None], *, awaited: bool = True) -> None:
        """Run `work` alongside the requests; `idle` waits for it unless it is not `awaited`."""
        tasks = self._awaited if awaited else self._detached
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` once, `seconds` of wall-clock time from now."""

        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            act()

        self.spawn(wait_and_act())

    async def idle(self, seconds: float) -> None:
        """Wait until nothing awaited is under way, for at most `seconds`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self._awaited:
                    await asyncio.wait(self._awaited)

    def stop(self) -> None:
        """Cancel whatever is under way."""
        for task in self._awaited | self._detached:
            task.cancel()
