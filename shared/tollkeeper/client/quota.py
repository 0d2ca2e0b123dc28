"""Asking Tollkeeper while somebody waits: never longer than a bound, and not at all while it is away."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from http import HTTPStatus
from typing import TypeVar
from urllib.parse import urlencode

from tollkeeper.client.api import Api, ApiAnswer, NotAnsweredError
from tollkeeper.client.facts import logger
from tollkeeper.client.forks import forget_in_children
from tollkeeper.client.permission import Permission, PermissionState

Answered = TypeVar("Answered")

WORKERS = 32
FAILURES = 3
"""So many calls in a row without an answer, and Tollkeeper is taken to be away."""

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


class Pause:
    """For how long nobody asks, after failures in a row: longer each time that one who tried has failed."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._until = 0.0
        self._next = FIRST_PAUSE
        self._is_tried = False

    @property
    def is_on(self) -> bool:
        """Whether Tollkeeper is away. Who is told that it is not tries for all, and the others wait."""
        if self._failures < FAILURES:
            return False
        now = self._clock()
        if now < self._until:
            return True
        self._is_tried = True
        self._until = now + FIRST_PAUSE
        return False

    def note(self, *, answered: bool, seconds: float | None = None) -> None:
        """Note an answer or its lack; `seconds` is what Tollkeeper asked for.

        Those who had asked before the pause and fail in it do not make it longer.
        """
        if answered:
            if self._failures >= FAILURES:
                logger.warning("Tollkeeper answers again")
            self._failures, self._next, self._is_tried = 0, FIRST_PAUSE, False
            return
        self._failures += 1
        if self._failures == FAILURES:
            logger.error("Tollkeeper does not answer: nobody is asked, and limits are not kept")
        elif self._failures < FAILURES or not self._is_tried:
            return
        self._is_tried = False
        self._until = self._clock() + max(self._next, min(seconds or 0.0, LONGEST_PAUSE))
        self._next = min(LONGEST_PAUSE, 2 * self._next)


class QuotaCalls:
    """Check, consume and release. `patience` is the most seconds that a caller waits."""

    def __init__(self, api: Api, patience: float) -> None:
        self._api = api
        self.patience = patience
        self.pause = Pause()
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Work with threads of one's own."""
        self._workers = ThreadPoolExecutor(WORKERS, "tollkeeper")

    def consume(self, permission: Permission) -> None:
        """Consume, and note what is known of it when the caller stops waiting."""
        permission.state = PermissionState.NOT_ASKED
        future = self._begin(lambda: self._consume(permission))
        if future is None:
            return
        try:
            self._wait(future)
        finally:
            _note(permission, future)

    async def consume_async(self, permission: Permission) -> None:
        """Consume without holding up the event loop, and note what is known when the task stops waiting."""
        permission.state = PermissionState.NOT_ASKED
        future = self._begin(lambda: self._consume(permission))
        if future is None:
            return
        try:
            await self._wait_async(future)
        finally:
            _note(permission, future)

    def check(self, user: str, metric: str) -> ApiAnswer | None:
        """Ask where a user stands; None where there is no answer."""
        future = self._begin(lambda: self._check(user, metric))
        return None if future is None else self._wait(future)

    async def check_async(self, user: str, metric: str) -> ApiAnswer | None:
        """Ask where a user stands; None where there is no answer."""
        future = self._begin(lambda: self._check(user, metric))
        if future is None:
            return None
        answer: ApiAnswer | None = await self._wait_async(future)
        return answer

    def consume_now(self, permission: Permission, timeout: float) -> ApiAnswer:
        """Consume in this thread.

        Raises:
            NotAnsweredError: there was no answer.
        """
        fact = permission.fact
        body: dict[str, object] = {"userId": fact.user, "id": permission.id, "quantity": fact.quantity}
        if fact.facility is not None:
            body["facilityId"] = fact.facility
        if fact.data is not None:
            body["eventData"] = json.loads(fact.data)
        return self._api.call("POST", f"/quota/{fact.metric}/consume", json.dumps(body).encode(), timeout)

    def release_now(
        self, user: str, metric: str, fact_id: str, quantity: int | None, timeout: float
    ) -> ApiAnswer:
        """Release in this thread, all or a quantity.

        Raises:
            NotAnsweredError: there was no answer.
        """
        body: dict[str, object] = {"userId": user, "id": fact_id}
        if quantity is not None:
            body["quantity"] = quantity
        return self._api.call("POST", f"/quota/{metric}/release", json.dumps(body).encode(), timeout)

    def _check(self, user: str, metric: str) -> ApiAnswer:
        target = f"/quota/{metric}?{urlencode({'userId': user})}"
        return self._noted(lambda: self._api.call("GET", target, None, self.patience))

    def _consume(self, permission: Permission) -> tuple[PermissionState, Mapping[str, object]]:
        try:
            answer = self._noted(lambda: self.consume_now(permission, self.patience))
        except NotAnsweredError as error:
            logger.warning("Not consumed: no answer", extra={"why": str(error)})
            return PermissionState.NOT_ASKED if error.is_undone else PermissionState.NOT_ANSWERED, {}
        meant = state_of(answer)
        if meant not in {PermissionState.GRANTED, PermissionState.REFUSED}:
            told = {"status": answer.status, "answer": repr(answer.body[:200])}
            logger.warning("Not consumed", extra=told)
        return meant, answer.json()

    def _noted(self, call: Callable[[], ApiAnswer]) -> ApiAnswer:
        begun = time.monotonic()
        try:
            answer = call()
        except NotAnsweredError:
            self.pause.note(answered=False)
            raise
        is_prompt = time.monotonic() - begun <= self.patience
        is_busy = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or (
            answer.status == HTTPStatus.TOO_MANY_REQUESTS
        )
        self.pause.note(answered=is_prompt and not is_busy, seconds=answer.retry_after)
        return answer

    def _begin(self, work: Callable[[], Answered]) -> "Future[Answered] | None":
        if self.pause.is_on:
            return None
        try:
            return self._workers.submit(work)
        except RuntimeError:  # the interpreter is ending
            return None

    def _wait(self, future: "Future[Answered]") -> Answered | None:
        try:
            return future.result(self.patience)
        except NotAnsweredError:
            return None
        except TimeoutError:
            self.pause.note(answered=False)
            return None
        finally:
            future.cancel()

    async def _wait_async(self, future: "Future[Answered]") -> Answered | None:
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.patience)
        except NotAnsweredError:
            return None
        except TimeoutError:
            self.pause.note(answered=False)
            return None
        finally:
            future.cancel()


def _note(permission: Permission, future: "Future[tuple[PermissionState, Mapping[str, object]]]") -> None:
    """Note what is known now. What nobody began was not asked; what goes on may have been counted."""
    if future.cancelled():
        permission.state = PermissionState.NOT_ASKED
    elif not future.done() or future.exception() is not None:
        permission.state = PermissionState.NOT_ANSWERED
    else:
        permission.state, permission.body = future.result()


def state_of(answer: ApiAnswer) -> PermissionState:
    """Return what an answer to the wish to consume means."""
    match answer.status:
        case HTTPStatus.OK:
            return PermissionState.GRANTED
        case HTTPStatus.PAYMENT_REQUIRED:
            return PermissionState.REFUSED
    return PermissionState.NOT_ASKED if answer.is_undone else PermissionState.NOT_ANSWERED
