"""What every test finds: a function's environment, and property tests that do not look at the clock.

A busy machine is no fault of the code.
"""

import os

import pytest
from hypothesis import HealthCheck, settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from tests.examples import ENVIRONMENT

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

os.environ.update(ENVIRONMENT)
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")


STACKS = ("tests/e2e/redeployed/", "tests/e2e/")


class LoadLevels(LoadFileScheduling):  # type: ignore[misc] # its base has no types
    """Deals the tests out by file, but those of a deployed stack together: it is deployed once."""

    def _split_scope(self, nodeid: str) -> str:
        stack = next((each for each in STACKS if nodeid.startswith(each)), None)
        return stack or super()._split_scope(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadLevels:
    """Have both cores test: `make test` asks for it."""
    return LoadLevels(config, log)
