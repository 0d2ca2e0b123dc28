"""Calls that fail on purpose."""

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Literal

from infra.stripe_standin.errors import RefusedError
from infra.stripe_standin.server.limiters import limited
from infra.stripe_standin.server.locks import locked

type FaultAnswer = Literal["500", "429", "endpoint-concurrency", "lock_timeout", "lost", "slow"]

LIMITERS = ("429", "endpoint-concurrency")


@dataclass(slots=True)
class Fault:
    """What goes wrong with the next calls that match.

    Attributes:
        method: The HTTP method, `*` for any.
        path: The path, with `*` as wildcard: `/v1/invoices/*`.
        effect: Whether the call fails `before` it took effect or `after`.
        answer: What the caller sees: `500`; `429`, the limiter of the whole account; `endpoint-concurrency`,
            that of one endpoint; `lock_timeout`, a 429 that no limiter sends; `lost`, a connection cut
            without an answer; `slow`, the right answer.
        count: How many more calls fail.
        delay_seconds: How long each takes to execute, in wall-clock seconds; its idempotency key is in use
            meanwhile.
    """

    method: str = "*"
    path: str = "*"
    effect: Literal["before", "after"] = "before"
    answer: FaultAnswer = "500"
    count: int = 1
    delay_seconds: float = 0.0

    @property
    def is_limit(self) -> bool:
        """Whether a limiter answers, which it does before anything is looked at."""
        return self.answer in LIMITERS


class Faults:
    """The faults now set, in order; the first that matches a call strikes."""

    def __init__(self) -> None:
        self.all: list[Fault] = []

    def strike(self, method: str, path: str) -> Fault | None:
        """The fault that strikes this call, used up by one."""
        for fault in self.all:
            if fault.count > 0 and fault.method in ("*", method) and fnmatchcase(path, fault.path):
                fault.count -= 1
                return fault
        return None


class AnswerLostError(Exception):
    """The connection breaks instead of answering."""


def refusal(fault: Fault) -> Exception | None:
    """What the caller is told (docs.stripe.com/rate-limits, docs.stripe.com/api/errors)."""
    match fault.answer:
        case "429":
            return limited("global-rate")
        case "endpoint-concurrency":
            return limited("endpoint-concurrency")
        case "lock_timeout":
            return locked()
        case "lost":
            return AnswerLostError()
        case "500":
            return RefusedError("An unknown error occurred.", status=500, kind="api_error")
        case "slow":
            return None
