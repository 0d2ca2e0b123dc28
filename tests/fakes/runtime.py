"""What Lambda and the clock tell a function."""

from dataclasses import dataclass
from datetime import datetime

from aws_lambda_powertools.utilities.typing import LambdaContext


class FakeContext(LambdaContext):
    """What Lambda tells a function of its call."""

    _function_name = "function"
    _memory_limit_in_mb = 512
    _invoked_function_arn = "arn:aws:lambda:us-east-1:123456789012:function:function"
    _aws_request_id = "request-1"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        """Return how long the function has: a quarter of an hour."""
        return 900_000


@dataclass(frozen=True, slots=True)
class FixedClock:
    """A clock that stands."""

    instant: datetime

    def now(self) -> datetime:
        """Return the instant at which it stands."""
        return self.instant

    def at(self, wall: datetime) -> datetime:
        """Return an instant of the wall clock as it is."""
        return wall
