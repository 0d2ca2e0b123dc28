"""Usage as it is reported, and what becomes of it."""

from pydantic import SkipValidation

from tollkeeper.api.bodies.model import Body
from tollkeeper.usage.records import Sent, UsageRecordIn


class UsageBatch(Sent):
    """Up to 1,000 usage records, each judged by itself."""

    records: list[SkipValidation[UsageRecordIn]]


class Rejected(Body):
    """A record that was not taken, and why. Send it again as it is only if it is `retryable`."""

    index: int
    id: str | None
    error: str
    message: str
    retryable: bool


class UsageAccepted(Body):
    """How many records were taken, and which were not."""

    accepted: int
    rejected: list[Rejected]
