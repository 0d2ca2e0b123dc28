"""What a process has seen of its requests, told once an hour and at its end: `POST /coverage`."""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from uuid import uuid4

from tollkeeper.client.api import Api, NotAnsweredError
from tollkeeper.client.facts import logger
from tollkeeper.client.forks import forget_in_children
from tollkeeper.client.seen import READING, RequestOutcome, Seen

HOUR = 3_600
MOST_HOURS = 48
"""Hours that wait while Tollkeeper is away; the oldest are dropped."""

MOST_PATHS = 50
LONGEST_PATH = 200
LONGEST_WORD = 32
LONGEST_HOST = 128
CALL_SECONDS = 10.0
PAUSE_SECONDS = 60.0
"""Between two attempts to tell."""


@dataclass
class HourSeen:
    """What was seen in an hour. Of unmapped paths the first fifty are named, and all requests are counted."""

    metered: Counter[str] = field(default_factory=Counter)
    others: Counter[str] = field(default_factory=Counter)
    paths: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, seen: Seen) -> None:
        """Count a request."""
        method = seen.method.upper()
        if seen.outcome is RequestOutcome.METERED and seen.metric is not None:
            self.metered[seen.metric] += 1
        elif seen.outcome is not RequestOutcome.UNMAPPED:
            self.others[seen.outcome.value] += 1
        elif method in READING:
            self.others["reads"] += 1
        else:
            self.others["unmapped"] += 1
            path = (method, shape_of(seen.path))
            if path in self.paths or len(self.paths) < MOST_PATHS:
                self.paths[path] += 1


class Coverage:
    """Counts requests by the hour, and tells them. Safe to share between threads and forks."""

    def __init__(self, api: Api, host: str, clock: Callable[[], float]) -> None:
        if not 1 <= len(host) <= LONGEST_HOST:
            raise ValueError(f"a host is named by 1 to {LONGEST_HOST} characters, not {host!r:.99}")
        self._api = api
        self._host = host
        self._clock = clock
        self.forget()
        forget_in_children(self)

    def forget(self) -> None:
        """Begin anew, as another process."""
        self._process = uuid4().hex
        self._hours: dict[int, HourSeen] = {}
        self._lock = threading.Lock()
        self._telling = threading.Lock()
        self._again_at = 0.0

    def add(self, seen: Seen) -> None:
        """Count a request that is over."""
        hour = int(self._clock() // HOUR)
        with self._lock:
            self._of(hour).add(seen)

    def tell(self, timeout: float, *, at_end: bool = False) -> None:
        """Tell the hours that are over, and at the end of the process the present one. It never raises.

        What cannot be told is told later, a minute at the earliest.
        """
        if (time.monotonic() < self._again_at and not at_end) or not self._telling.acquire(blocking=at_end):
            return
        try:
            self._tell(time.monotonic() + timeout, at_end=at_end)
        except Exception:
            self._again_at = time.monotonic() + PAUSE_SECONDS
            logger.exception("Coverage is not told")
        finally:
            self._telling.release()

    def _of(self, hour: int) -> HourSeen:
        """Return an hour; that it begins says that the process is there, even if nobody asks it anything."""
        if hour not in self._hours:
            self._hours[hour] = HourSeen()
            for oldest in sorted(self._hours)[:-MOST_HOURS]:
                del self._hours[oldest]
        return self._hours[hour]

    def _tell(self, deadline: float, *, at_end: bool) -> None:
        now = int(self._clock() // HOUR)
        with self._lock:
            if self._hours:
                self._of(now)
            bodies = {hour: self._body(hour) for hour in sorted(self._hours) if at_end or hour < now}
        for hour, body in bodies.items():
            left = deadline - time.monotonic()
            if left <= 0 or not self._told(body, min(left, CALL_SECONDS)):
                self._again_at = time.monotonic() + PAUSE_SECONDS
                return
            if hour < now:
                with self._lock:
                    self._hours.pop(hour, None)

    def _told(self, body: bytes, timeout: float) -> bool:
        """Tell an hour, and return whether that is done with: it was taken, or never will be."""
        try:
            answer = self._api.call("POST", "/coverage", body, timeout)
        except NotAnsweredError:
            return False
        if answer.status in {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND}:
            logger.warning("Coverage was refused", extra={"answer": repr(answer.body[:200])})
            return True
        return answer.status == HTTPStatus.OK

    def _body(self, hour: int) -> bytes:
        seen = self._hours[hour]
        begun = datetime.fromtimestamp(hour * HOUR, UTC)
        told = {
            "host": self._host,
            "process": self._process,
            "hour": f"{begun:%Y-%m-%dT%H:%M:%SZ}",
            "metered": dict(seen.metered),
            **seen.others,
            "unmappedPaths": [
                {"method": method, "path": path, "requests": requests}
                for (method, path), requests in seen.paths.items()
            ],
        }
        return json.dumps(told, separators=(",", ":")).encode()


def shape_of(path: str) -> str:
    """Return a path of at most 200 characters, with `*` for what looks like an id: with digits, or long."""
    segments = ["*" if _is_id(each) else each for each in path.split("/")]
    shape = "/".join(segments).encode("utf-8", "replace").decode()
    return shape[:LONGEST_PATH] or "/"


def _is_id(segment: str) -> bool:
    return len(segment) > LONGEST_WORD or (
        re.search("[0-9]", segment) is not None and not re.fullmatch("v[0-9]{1,3}", segment)
    )
