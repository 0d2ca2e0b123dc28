"""Brings sealed sums and releases to Tollkeeper: in the background, and when asked to (DESIGN rule 16)."""

import random
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from http import HTTPStatus

from tollkeeper.client.api import ApiAnswer, NotAnsweredError
from tollkeeper.client.doors import MOST_RECORDS, Door, DoorClosedError
from tollkeeper.client.facts import logger
from tollkeeper.client.forks import forget_in_children
from tollkeeper.client.permission import Permission, PermissionState
from tollkeeper.client.quota import QuotaCalls, state_of
from tollkeeper.client.sums import Sums

LONGEST_WAIT = 60.0
CALL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class ReleaseOrder:
    """What is to be released; if nobody knows whether it was consumed, that is first made certain."""

    user: str
    metric: str
    id: str
    quantity: int | None = None
    unanswered: Permission | None = None


@dataclass(frozen=True, slots=True)
class Pending:
    """What is not with Tollkeeper yet, and what will never be.

    Attributes:
        open: Sums that are still being added to.
        sealed: Sums that are being sent.
        releases: What was consumed and is to be released.
        quantities: What waits of each metric.
        oldest_seconds: For how long the oldest sum has waited; None where none does.
        failures: Attempts in a row that failed.
        dropped: What was lost of each metric, because too much waited.
        refused: What Tollkeeper has refused for good, of each metric; the log has each record.
    """

    open: int
    sealed: int
    releases: int
    quantities: dict[str, int]
    oldest_seconds: float | None
    failures: int
    dropped: dict[str, int]
    refused: dict[str, int]

    @property
    def is_empty(self) -> bool:
        """Whether everything is with Tollkeeper."""
        return not (self.open or self.sealed or self.releases)


class Sender:
    """Sends every `interval` seconds, and as soon as a full body waits; waits longer after each failure."""

    def __init__(self, sums: Sums, door: Door, quota: QuotaCalls, interval: float, most: int) -> None:
        self._sums = sums
        self._door = door
        self._quota = quota
        self._interval = interval
        self._most = most
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Begin with nothing to send and no thread, as another process."""
        self._releases: deque[ReleaseOrder] = deque()
        self._refused: Counter[str] = Counter()
        self._failures = 0
        self._wake = threading.Event()
        self._sending = threading.Lock()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self._is_full = False
        self._retry_after = 0.0

    def notice(self, waiting: int) -> None:
        """See that somebody sends what waits: soon, if it fills a body."""
        if waiting >= MOST_RECORDS and not self._failures:
            self._is_full = True
            self._wake.set()
        if self._thread is None and not self._is_closed:
            with self._starting:
                if self._thread is None:
                    thread = threading.Thread(target=self._run, name="tollkeeper-sender", daemon=True)
                    try:
                        thread.start()
                    except RuntimeError:  # the interpreter is ending: whoever closes us sends
                        return
                    self._thread = thread

    def release(self, order: ReleaseOrder) -> None:
        """Release as soon as can be."""
        if len(self._releases) >= self._most:
            logger.critical("A release is lost: too many wait", extra={"user": order.user, "id": order.id})
            return
        self._releases.append(order)
        self._wake.set()
        self.notice(0)

    def pending(self, now: float) -> Pending:
        """Return what waits."""
        open_, sealed, quantities, oldest = self._sums.waiting()
        return Pending(
            open=open_,
            sealed=sealed,
            releases=len(self._releases),
            quantities=dict(quantities),
            oldest_seconds=None if oldest is None else max(0.0, now - oldest),
            failures=self._failures,
            dropped=dict(self._sums.dropped),
            refused=dict(self._refused),
        )

    def flush(self, timeout: float) -> bool:
        """Send what waits, within so many seconds; return whether all of it is with Tollkeeper."""
        return self._send(timeout, sums=True)

    def close(self, timeout: float) -> bool:
        """Send what waits and stop; what comes later is sent by the next flush."""
        self._is_closed = True
        self._wake.set()
        return self.flush(timeout)

    def _run(self) -> None:
        due = time.monotonic() + self._interval
        while not self._is_closed:
            self._wake.wait(max(0.0, due - time.monotonic()))
            self._wake.clear()
            if self._is_closed:
                return
            is_due = self._is_full or time.monotonic() >= due
            if is_due or not self._failures:
                try:
                    self._send(LONGEST_WAIT, sums=is_due)
                except Exception:
                    self._failures += 1
                    logger.exception("Sending failed, and is tried again")
            if is_due:
                due = time.monotonic() + self._delay()

    def _delay(self) -> float:
        if not self._failures:
            return self._interval
        longest = min(LONGEST_WAIT, self._interval * 2 ** min(self._failures, 10))
        return max(self._retry_after, random.uniform(longest / 2, longest))  # noqa: S311 - no secret

    def _send(self, timeout: float, *, sums: bool) -> bool:
        deadline = time.monotonic() + timeout
        if not self._sending.acquire(timeout=max(0.0, timeout)):
            return False
        try:
            failures = [self._send_sums(deadline) if sums else None, self._release_all(deadline)]
        finally:
            self._sending.release()
        errors = [each for each in failures if each is not None]
        if errors:
            self._failures += 1
            self._retry_after = max(min(each.retry_after or 0.0, LONGEST_WAIT) for each in errors)
            open_, sealed, quantities, _ = self._sums.waiting()
            told = {"why": "; ".join(map(str, errors)), "open": open_, "sealed": sealed}
            told |= {"quantities": dict(quantities), "releases": len(self._releases)}
            logger.warning("Usage waits for Tollkeeper", extra=told)
        elif sums:
            if self._failures:
                logger.warning("Tollkeeper takes usage again")
            self._failures = 0
        return not errors and not any(self._sums.waiting()[:2]) and not self._releases

    def _send_sums(self, deadline: float) -> DoorClosedError | None:
        self._is_full = False
        try:
            while time.monotonic() < deadline and (sums := self._sums.seal(MOST_RECORDS)):
                handover = self._door.send(sums, deadline - time.monotonic())
                for each in sums:
                    if each.id in handover.refused:
                        self._refused[each.metric] += each.quantity
                        told = {"record": each.text, "why": handover.refused[each.id]}
                        logger.critical("Usage was refused and will not be billed", extra=told)
                self._sums.settle(handover.taken | handover.refused.keys())
        except DoorClosedError as error:
            return error
        return None

    def _release_all(self, deadline: float) -> DoorClosedError | None:
        for _ in range(len(self._releases)):
            if time.monotonic() >= deadline:
                return None
            order = self._releases[0]
            try:
                self._release_one(order, min(CALL_SECONDS, deadline - time.monotonic()))
            except NotAnsweredError as error:
                return DoorClosedError(str(error))
            except DoorClosedError as error:
                return error
            self._releases.popleft()
        return None

    def _release_one(self, order: ReleaseOrder, timeout: float) -> None:
        if order.unanswered is not None:
            # It may be under way still. Consumed and then released, its id is spent, whenever it arrives.
            answer = self._quota.consume_now(order.unanswered, timeout)
            if _is_away(answer):
                raise DoorClosedError(f"consume was answered {answer.status}", answer.retry_after)
            if state_of(answer) is PermissionState.REFUSED:
                return
        answer = self._quota.release_now(order.user, order.metric, order.id, order.quantity, timeout)
        if _is_away(answer):
            raise DoorClosedError(f"release was answered {answer.status}", answer.retry_after)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NOT_FOUND}:
            told = {"user": order.user, "id": order.id, "answer": repr(answer.body[:200])}
            logger.error("Not released", extra=told)


def _is_away(answer: ApiAnswer) -> bool:
    return answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
