"""What holds of the port for Stripe, of the fake and of the gateway alike: so the fake cannot lie."""

import pytest

from tests.integration.stripe_port.worlds import AtFake, AtStandin, World
from tollkeeper.stripe.port import Stripe


@pytest.fixture(params=["fake", "standin"])
def world(request: pytest.FixtureRequest) -> World:
    """Each of the two."""
    return AtFake() if request.param == "fake" else AtStandin(request.getfixturevalue("sandbox"))


@pytest.fixture
def stripe(world: World) -> Stripe:
    """Stripe as the port has it."""
    return world.stripe
