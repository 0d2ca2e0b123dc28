"""What happens a moment later by itself: aggregation, deliveries, test clocks."""

import asyncio
from collections.abc import Callable, Coroutine


class Background:
    """Tasks of the one event loop, kept so that they are not collected and can be waited for."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[None, None, None]) -> None:
        """Run `work` alongside the requests."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def after(self, seconds: float, act: Callable[[], None]) -> None:
        """Call `act` once, `seconds` of wall-clock time from now."""

        async def wait_and_act() -> None:
            await asyncio.sleep(seconds)
            act()

        self.spawn(wait_and_act())

    async def idle(self, seconds: float) -> None:
        """Wait until nothing is under way, for at most `seconds`."""
        async with asyncio.timeout(seconds):
            while self._tasks:
                await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)

    def stop(self) -> None:
        """Cancel whatever is under way."""
        for task in self._tasks:
            task.cancel()
