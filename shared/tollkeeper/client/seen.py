"""What became of a host's request."""

from dataclasses import dataclass
from enum import Enum

READING = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})
"""Methods that change nothing: they need not count."""


class RequestOutcome(Enum):
    """What became of a request."""

    METERED = "metered"
    FAILED = "failed"
    """Its status was 400 or more, or it raised: not counted."""
    REFUSED = "refused"
    EXCUSED = "excused"
    """The route map says `none`, and why; or a browser asks what it may send (OPTIONS)."""
    UNMAPPED = "unmapped"
    """Nothing maps it, and it succeeded."""
    NOBODY = "nobody"
    """It is mapped, and the host named no user who could be counted."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that is over, as whoever watches is told of it. `metric` is None where none counts it."""

    method: str
    path: str
    metric: str | None
    outcome: RequestOutcome
