"""The time. Handlers read it once and hand it on; no rule asks for it."""

import json
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from tollkeeper.rules.times import EPOCH, parse_iso

TIMEOUT = 5.0


class Clock(Protocol):
    """Tells the time of the deployment."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""

    def at(self, wall: datetime) -> datetime:
        """Return the deployment's time at an instant of the wall clock, such as SQS stamps on a message."""


class WallClock:
    """The real time."""

    def now(self) -> datetime:
        """Return the present instant, in UTC."""
        return datetime.now(UTC)

    def at(self, wall: datetime) -> datetime:
        """Return the same instant."""
        return wall


class SandboxClock:
    """The time of a sandbox, which somebody moves. Never used in production."""

    def __init__(self, url: str) -> None:
        self._url = url

    def now(self) -> datetime:
        """Return the instant that the sandbox is at."""
        with urllib.request.urlopen(self._url, timeout=TIMEOUT) as answer:  # noqa: S310 - set by the deployer
            return parse_iso(json.load(answer)["now"])

    def at(self, wall: datetime) -> datetime:
        """Return the sandbox's time as far back from now as the given instant is."""
        return self.now() - (datetime.now(UTC) - wall)


def clock(url: str | None) -> Clock:
    """Return the clock of a deployment: the wall's, or that of the sandbox at a URL."""
    return SandboxClock(url) if url else WallClock()


def passing(clock: Clock, wall: Clock) -> Callable[[], datetime]:
    """Return what tells the wall's time, moved on by as much as a sandbox is moved.

    So what is kept for a minute is forgotten where a month passes in no time.
    """
    if isinstance(clock, WallClock):
        return wall.now
    return lambda: wall.now() + (clock.now() - EPOCH)
