"""Who decides."""

import pytest

from tests.integration.decisions.ada import Ada
from tests.standin.harness import Sandbox
from tollkeeper.stripe.gateway import StripeGateway


@pytest.fixture
def ada(sandbox: Sandbox, gateway: StripeGateway) -> Ada:
    """Ada, who has bought nothing."""
    return Ada(sandbox, gateway)
