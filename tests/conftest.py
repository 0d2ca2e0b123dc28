"""What every test finds: a function's environment, and property tests that do not look at the clock.

A busy machine is no fault of the code.
"""

import os

from hypothesis import HealthCheck, settings

from tests.examples import ENVIRONMENT

settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

os.environ.update(ENVIRONMENT)
os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
