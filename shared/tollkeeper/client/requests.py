"""A host's request and what it counts as: the same for ASGI, WSGI and Lambda."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from http import HTTPStatus
from typing import Any, Generic, TypeVar

from tollkeeper.catalogue import NONE
from tollkeeper.client.facts import logger
from tollkeeper.client.permission import NotAllowedError, Permission
from tollkeeper.client.tollkeeper import Tollkeeper

Request = TypeVar("Request")

Text = str | None
Data = Mapping[str, object] | None
AskedText = Callable[[Request], Text | Awaitable[Text]]
AskedData = Callable[[Request], Data | Awaitable[Data]]


class RequestOutcome(Enum):
    """What became of a request."""

    METERED = "metered"
    FAILED = "failed"
    """Its status was 400 or more, or it raised: not counted."""
    REFUSED = "refused"
    EXCUSED = "excused"
    """The route map says `none`, and why; or a browser asks what it may send (OPTIONS)."""
    UNMAPPED = "unmapped"
    NOBODY = "nobody"
    """It is mapped, and the host named no user who could be counted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that is over, as whoever watches is told of it. `metric` is None where none counts it."""

    method: str
    path: str
    metric: str | None
    outcome: RequestOutcome


@dataclass(slots=True)
class Passage:
    """A request on its way through the host. `metric` is empty where none counts it."""

    method: str
    path: str
    metric: str
    outcome: RequestOutcome = RequestOutcome.METERED
    counts_before: bool = False
    permission: Permission | None = None

    @property
    def refusal(self) -> tuple[HTTPStatus, Mapping[str, object]] | None:
        """The answer to a request that may not be done; None where it may."""
        return None if self.permission is None or self.permission.allowed else self.permission.refusal


@dataclass(frozen=True)
class Meter(Generic[Request]):
    """Counts requests by the route map.

    Attributes:
        tollkeeper: Where it counts.
        user: Who makes a request; None for nobody, who is not counted.
        facility: Which part of the user it is for.
        data: What is kept of it, such as the tokens of a model's answer. It is asked when the request is
            counted: before it is done where its metric is counted before, else afterwards.
        watch: Is told of each request that is over.
    """

    tollkeeper: Tollkeeper
    user: AskedText[Request]
    facility: AskedText[Request] | None = None
    data: AskedData[Request] | None = None
    watch: Callable[[Seen], None] | None = None

    def begin(self, method: str, path: str, request: Request) -> Passage:
        """Let a request in, and consume what is counted before. It never raises."""
        passage = Passage(method, path, "", RequestOutcome.NOBODY)
        try:
            passage = self._passage(method, path)
            if passage.counts_before:
                self._consumed(passage, *(_now(asked, request) for asked in self._asked))
        except Exception:
            logger.exception("A request is let through uncounted")
        return passage

    async def begin_async(self, method: str, path: str, request: Request) -> Passage:
        """Let a request in, as `begin` does; the host's callables may be asynchronous."""
        passage = Passage(method, path, "", RequestOutcome.NOBODY)
        try:
            passage = self._passage(method, path)
            if passage.counts_before:
                user, facility, data = [await _soon(asked, request) for asked in self._asked]
                if self._is_somebody(passage, user):
                    passage.permission = await self.tollkeeper.consume_async(
                        user, passage.metric, facility=facility, data=data
                    )
        except Exception:
            logger.exception("A request is let through uncounted")
        return passage

    def end(self, passage: Passage, status: int | None, request: Request) -> None:
        """Settle a request that is over; `status` is None if it raised or never answered. It never raises."""
        try:
            if self._counts_after(passage, status):
                self._track(passage, *(_now(asked, request) for asked in self._asked))
        except Exception:
            logger.exception("A request is not settled")
        self._tell(passage)

    async def end_async(self, passage: Passage, status: int | None, request: Request) -> None:
        """Settle a request that is over, as `end` does."""
        try:
            if self._counts_after(passage, status):
                self._track(passage, *[await _soon(asked, request) for asked in self._asked])
        except Exception:
            logger.exception("A request is not settled")
        self._tell(passage)

    def refused(self, passage: Passage, error: NotAllowedError) -> tuple[HTTPStatus, Mapping[str, object]]:
        """Settle a request in which the host itself was refused something, and return its answer."""
        self._counts_after(passage, None)
        passage.outcome = RequestOutcome.REFUSED
        self._tell(passage)
        return error.permission.refusal

    @property
    def _asked(self) -> tuple[Callable[[Request], Any] | None, ...]:
        return self.user, self.facility, self.data

    def _passage(self, method: str, path: str) -> Passage:
        route = self.tollkeeper.catalogue.route_for(method, path)
        if route is None:
            return Passage(method, path, "", RequestOutcome.UNMAPPED)
        is_preflight = method.upper() == "OPTIONS" and route.method is None
        if route.metric == NONE or is_preflight:
            return Passage(method, path, "", RequestOutcome.EXCUSED)
        before = self.tollkeeper.counts_before(route.metric)
        return Passage(method, path, route.metric, counts_before=before)

    def _counts_after(self, passage: Passage, status: int | None) -> bool:
        """Settle what was consumed before, and return whether it is now that the request counts."""
        if passage.outcome is not RequestOutcome.METERED:
            return False
        if passage.refusal is not None:
            passage.outcome = RequestOutcome.REFUSED
        elif status is None or status >= HTTPStatus.BAD_REQUEST:
            passage.outcome = RequestOutcome.FAILED
        if passage.permission is not None:
            succeeded = passage.outcome is RequestOutcome.METERED
            self.tollkeeper.settle(passage.permission, succeeded=succeeded)
        return passage.outcome is RequestOutcome.METERED and not passage.counts_before

    def _consumed(self, passage: Passage, user: Any, facility: Any, data: Any) -> None:  # noqa: ANN401 - the host's word is checked where it is counted
        if self._is_somebody(passage, user):
            passage.permission = self.tollkeeper.consume(user, passage.metric, facility=facility, data=data)

    def _track(self, passage: Passage, user: Any, facility: Any, data: Any) -> None:  # noqa: ANN401 - the same
        if self._is_somebody(passage, user):
            self.tollkeeper.track(user, passage.metric, facility=facility, data=data)

    def _is_somebody(self, passage: Passage, user: object) -> bool:
        if user is None:
            passage.outcome = RequestOutcome.NOBODY
        return user is not None

    def _tell(self, passage: Passage) -> None:
        if self.watch is not None:
            try:
                self.watch(Seen(passage.method, passage.path, passage.metric or None, passage.outcome))
            except Exception:
                logger.exception("Whoever watches requests failed")


def _now(asked: Callable[[Request], Any] | None, request: Request) -> Any:  # noqa: ANN401 - a host may say anything
    if asked is None:
        return None
    try:
        return asked(request)
    except Exception:
        logger.exception("The host does not say who makes a request")
        return None


async def _soon(asked: Callable[[Request], Any] | None, request: Request) -> Any:  # noqa: ANN401 - the same
    said = _now(asked, request)
    if not inspect.isawaitable(said):
        return said
    try:
        return await said
    except Exception:
        logger.exception("The host does not say who makes a request")
        return None
