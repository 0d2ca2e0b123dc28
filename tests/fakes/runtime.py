"""What Lambda and the clock tell a function."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext

from tests.examples import ENVIRONMENT, OFFER
from tests.fakes.sqs import FakeSqs
from tests.fakes.table import MemoryTable
from tollkeeper import runtime
from tollkeeper.settings import Settings
from tollkeeper.stripe.port import Stripe
from tollkeeper.telemetry import metrics

MODULES = [import_module(f"tollkeeper.runtime.{each.name}") for each in iter_modules(runtime.__path__)]
REMEMBERED = [
    part for module in (runtime, *MODULES) for part in vars(module).values() if hasattr(part, "cache_clear")
]
"""What a function makes once in its life."""

SECRET = "whsec_present"
"""What the deployment that functions are made for keeps secret: Stripe's key and the webhook's."""


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


@dataclass(slots=True)
class FixedClock:
    """A clock that stands until somebody sets it."""

    instant: datetime

    def now(self) -> datetime:
        """Return the instant at which it stands."""
        return self.instant

    def at(self, wall: datetime) -> datetime:
        """Return an instant of the wall clock as it is."""
        return wall


class FakeSecrets:
    """SSM, where every parameter holds the same secret."""

    def read(self, _: str) -> str:
        """Return the secret."""
        return SECRET


@contextmanager
def made_of(table: MemoryTable, sqs: FakeSqs, stripe: Stripe, now: datetime) -> Iterator[None]:
    """Let functions be made of these, as long as this goes on: for tests that call them as Lambda does.

    Lambda hands a function no more than an event, so that it takes what stands outside from the runtime.
    """
    outside = {
        # So few calls that nobody works beside: a walk through the code is of one thread.
        "settings": lambda: replace(
            Settings.from_environment(ENVIRONMENT),
            bill_overage_from=OFFER.bill_overage_from,
            stripe_calls_per_second=1,
        ),
        "clock_at": lambda _: FixedClock(now),
        "table": lambda: table,
        "sqs": lambda: sqs,
        "secrets": FakeSecrets,
        "stripe_gateway": lambda **_: stripe,
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(metrics, "namespace", "Tollkeeper")
        for name, part in outside.items():
            patch.setattr(runtime, name, part)
        forget()
        yield
    forget()


def forget() -> None:
    """Let functions make anew what they have made."""
    for each in REMEMBERED:
        each.cache_clear()
